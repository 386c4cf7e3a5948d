// Floats of 16 bits, as bit patterns. Rounding is to nearest, ties to even, as hardware does it.

const float = new Float32Array(1)
const bits = new Uint32Array(float.buffer)

const toFloat = (pattern: number): number => {
  bits[0] = pattern
  return float[0]!
}

const toBits = (value: number): number => {
  float[0] = value
  return bits[0]!
}

/** The number that the 16 bits of a BF16 stand for. */
export const fromBfloat16 = (pattern: number): number => toFloat((pattern & 0xffff) << 16)

/** The BF16 nearest to a 32-bit float; NaN stays NaN. */
export const toBfloat16 = (value: number): number => narrowToBfloat16(toBits(value))

function narrowToBfloat16(pattern: number): number {
  // Setting the top mantissa bit keeps a NaN whose payload is in the lost bits from becoming infinity.
  if ((pattern & 0x7fffffff) > 0x7f800000) return (pattern >>> 16) | 0x40
  return (pattern + 0x7fff + ((pattern >>> 16) & 1)) >>> 16
}

/** The number that the 16 bits of an F16 stand for. */
export function fromFloat16(pattern: number): number {
  const sign = (pattern & 0x8000) << 16
  const exponent = (pattern >>> 10) & 0x1f
  const mantissa = pattern & 0x3ff
  // Subnormals are whole multiples of 2^-24, which 32 bits hold as normal numbers.
  if (exponent === 0) return (sign < 0 ? -mantissa : mantissa) * 2 ** -24
  const wider = exponent === 0x1f ? 0xff : exponent + 112
  return toFloat(sign | (wider << 23) | (mantissa << 13))
}

/** The F16 nearest to a 32-bit float: infinity from 65520 on, subnormals below 2^-14; NaN stays NaN. */
export const toFloat16 = (value: number): number => narrowToFloat16(toBits(value))

function narrowToFloat16(pattern: number): number {
  const sign = (pattern >>> 16) & 0x8000
  const magnitude = pattern & 0x7fffffff
  if (magnitude > 0x7f800000) return sign | 0x7e00 | ((magnitude >>> 13) & 0x3ff)
  if (magnitude >= 0x47800000) return sign | 0x7c00
  // Moving the exponent's bias leaves normals in place; a carry out of the mantissa goes into the exponent as it should.
  if (magnitude >= 0x38800000) return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13)
  if (magnitude < 0x33000000) return sign
  const mantissa = (magnitude & 0x7fffff) | 0x800000
  const shift = 126 - (magnitude >>> 23)
  const kept = mantissa >>> shift
  const lost = mantissa & ((1 << shift) - 1)
  const half = 1 << (shift - 1)
  return sign | (kept + (lost > half || (lost === half && (kept & 1) === 1) ? 1 : 0))
}

/** Many BF16 at once. */
export function decodeBfloat16(patterns: Uint16Array): Float32Array {
  const wide = new Uint32Array(patterns.length)
  for (let i = 0; i < wide.length; i++) wide[i] = patterns[i]! << 16
  return new Float32Array(wide.buffer)
}

/** Every F16 as a 32-bit float, made when first needed. */
let everyFloat16: Float32Array | undefined

/** Many F16 at once. */
export function decodeFloat16(patterns: Uint16Array): Float32Array {
  everyFloat16 ??= Float32Array.from({ length: 0x10000 }, (_, pattern) => fromFloat16(pattern))
  const values = new Float32Array(patterns.length)
  for (let i = 0; i < values.length; i++) values[i] = everyFloat16[patterns[i]!]!
  return values
}

/** Many 32-bit floats at once. */
export const encodeBfloat16 = (values: Float32Array): Uint16Array => narrow(values, narrowToBfloat16)

/** Many 32-bit floats at once. */
export const encodeFloat16 = (values: Float32Array): Uint16Array => narrow(values, narrowToFloat16)

function narrow(values: Float32Array, one: (pattern: number) => number): Uint16Array {
  const wide = new Uint32Array(values.buffer, values.byteOffset, values.length)
  const patterns = new Uint16Array(values.length)
  for (let i = 0; i < wide.length; i++) patterns[i] = one(wide[i]!)
  return patterns
}
