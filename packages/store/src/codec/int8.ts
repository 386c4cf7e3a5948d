// Spans of integers with one scale: value = scale * integer, |integer| <= 127.

const SMALLEST = 2 ** -149
const SMALLEST_NORMAL = 2 ** -126
/** 127 times the next float32 would be infinite. */
const LARGEST_SCALE = 8454659 * 2 ** 98
/** Added and taken away again, it rounds a small float64 to a whole number, ties to even. */
const ROUND = 1.5 * 2 ** 52

/**
 * Writes `count` integers and returns their scale: the largest magnitude / 127 as a float32, 0 for zeros.
 * NaN if a value is not finite; then nothing is written.
 */
export function encodeInt8(from: Float32Array, fromAt: number, into: Int8Array, intoAt: number, count: number): number {
  let largest = 0
  for (let i = 0; i < count; i++) {
    const magnitude = Math.abs(from[fromAt + i]!)
    if (!(magnitude < Infinity)) return NaN
    if (magnitude > largest) largest = magnitude
  }
  const scale = scaleOf(largest)
  const inverse = scale === 0 ? 0 : 1 / scale
  // The scale as a float32 may lie below largest / 127, but not so far that 127.5 is reached: no clamp is needed.
  for (let i = 0; i < count; i++) into[intoAt + i] = from[fromAt + i]! * inverse + ROUND - ROUND
  return scale
}

function scaleOf(largest: number): number {
  const scale = Math.fround(largest / 127)
  // Among subnormals the nearest one may be far too small for 127 steps of it to reach the largest value.
  if (scale < SMALLEST_NORMAL) return Math.ceil(largest / 127 / SMALLEST) * SMALLEST
  return Math.min(scale, LARGEST_SCALE)
}

export function decodeInt8(
  from: Int8Array,
  fromAt: number,
  scale: number,
  into: Float32Array,
  intoAt: number,
  count: number,
): void {
  for (let i = 0; i < count; i++) into[intoAt + i] = from[fromAt + i]! * scale
}
