/**
 * Numbers in [0, 1) with 32 random bits, the same ones for the same seed: sfc32, which passes the usual batteries of
 * tests. Without a seed they differ from call to call.
 */
export function createRandom(seed?: number): () => number {
  if (seed === undefined) return Math.random
  // The seed's 64 bits as a double, so that fractions and large numbers make a difference too.
  let [a, b] = new Uint32Array(Float64Array.of(seed).buffer) as unknown as [number, number]
  let c = 0x9e3779b9
  let d = 1
  const next = (): number => {
    const word = (((a + b) | 0) + d) | 0
    d = (d + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + word) | 0
    return (word >>> 0) * 2 ** -32
  }
  for (let i = 0; i < 15; i++) next()
  return next
}
