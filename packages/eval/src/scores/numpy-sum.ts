/** How many values numpy adds up in one go before it splits the sum. */
const BLOCK = 128

/** `np.sum` of doubles that lie next to each other: in eight strands, larger ones by halves, so that rounding errors stay small. */
export function numpySum(values: readonly number[], start = 0, length = values.length): number {
  const at = (i: number) => values[start + i] as number
  if (length < 8) {
    let sum = 0
    for (let i = 0; i < length; i++) sum += at(i)
    return sum
  }
  if (length > BLOCK) {
    const half = Math.floor(length / 2)
    const left = half - (half % 8)
    return numpySum(values, start, left) + numpySum(values, start + left, length - left)
  }
  const strands = Array.from({ length: 8 }, (_, i) => at(i))
  const full = length - (length % 8)
  for (let i = 8; i < full; i += 8) for (let j = 0; j < 8; j++) strands[j] = strands[j]! + at(i + j)
  const [a, b, c, d, e, f, g, h] = strands as [number, number, number, number, number, number, number, number]
  let sum = a + b + (c + d) + (e + f + (g + h))
  for (let i = full; i < length; i++) sum += at(i)
  return sum
}

/** `np.mean`. */
export const numpyMean = (values: readonly number[]): number => numpySum(values) / values.length
