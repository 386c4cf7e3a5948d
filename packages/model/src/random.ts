/**
 * Fills `target` with normal numbers of deviation `std`, none beyond `cut` deviations. They depend on nothing but `key`:
 * equal keys give equal numbers, whatever else was drawn before.
 */
export function fillNormal(
  target: Float32Array,
  key: string,
  { std, cut = Infinity }: { std: number; cut?: number },
): void {
  // The generator is sfc32, kept in local variables: that is several times faster than behind a function.
  let [a, b, c, d] = hash128(key)
  let warmUp = 12
  let half = 0
  let x = 0
  for (let at = 0; at < target.length;) {
    const word = (((a + b) | 0) + d) | 0
    d = (d + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + word) | 0
    if (warmUp-- > 0) continue

    // Marsaglia's polar method: a point in the unit disc gives two independent normals.
    const coordinate = word * 2 ** -31
    half ^= 1
    if (half === 1) {
      x = coordinate
      continue
    }
    const square = x * x + coordinate * coordinate
    if (square === 0 || square >= 1) continue
    const scale = Math.sqrt((-2 * Math.log(square)) / square)
    if (Math.abs(x * scale) <= cut) target[at++] = std * x * scale
    if (Math.abs(coordinate * scale) <= cut && at < target.length) target[at++] = std * coordinate * scale
  }
}

/** Four lanes of FNV-1a with different offsets, each finished by an avalanche. */
function hash128(key: string): [number, number, number, number] {
  const lane = (offset: number): number => {
    let h = 0x811c9dc5 ^ offset
    for (let i = 0; i < key.length; i++) h = Math.imul(h ^ key.charCodeAt(i), 0x01000193)
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
    return h ^ (h >>> 16)
  }
  return [lane(0), lane(0x9e3779b9), lane(0x3c6ef372), lane(0xdaa66d2b)]
}
