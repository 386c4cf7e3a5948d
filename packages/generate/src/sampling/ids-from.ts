let scratch = new Uint32Array(0)

/**
 * The ids of the logits that are at least `least`, ascending, in memory that the next call uses again. Four are compared at a
 * time, since few are.
 */
export function idsFrom(logits: ArrayLike<number>, least: number): Uint32Array {
  const { length } = logits
  if (scratch.length < length) scratch = new Uint32Array(length)
  const found = scratch
  const fours = length & ~3
  let count = 0
  let id = 0
  while (id < fours) {
    if (logits[id]! < least && logits[id + 1]! < least && logits[id + 2]! < least && logits[id + 3]! < least) {
      id += 4
      continue
    }
    for (const end = id + 4; id < end; id++) if (logits[id]! >= least) found[count++] = id
  }
  for (; id < length; id++) if (logits[id]! >= least) found[count++] = id
  return found.subarray(0, count)
}
