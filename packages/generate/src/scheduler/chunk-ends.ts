import type { Job } from './job.ts'

/** Attention takes its rows in blocks of a multiple of this. */
const BLOCK = 32

/**
 * Where the chunks of a prompt end that is read in the same way whatever else is running: at multiples of `size`, and before
 * the token whose logits are the first that are wanted, so that all that continue one context share what was read of it. No
 * chunk but the only one is a single token, and none is one more than a number of blocks, as other arithmetic is used for a row that is
 * alone: so the same tokens give the same bits also where other logits are wanted of them.
 */
export function chunkEnds(
  { promptLength, firstAsked }: Pick<Job, 'promptLength' | 'firstAsked'>,
  size: number,
): number[] {
  const ends: number[] = []
  const end = (at: number): void => {
    if (at - (ends.at(-1) ?? 0) >= 2 && promptLength - at >= 2) ends.push(at)
  }
  const shared = Math.min(firstAsked, promptLength - 1) - 1
  for (let at = size; at < promptLength + size; at += size) {
    if (at - size < shared && shared < at) end(shared)
    end(at)
  }
  if (promptLength > 0) ends.push(promptLength)
  return ends.flatMap((at, i) => {
    const length = at - (ends[i - 1] ?? 0)
    return length > 1 && length % BLOCK === 1 ? [at - 2, at] : [at]
  })
}
