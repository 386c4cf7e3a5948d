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
export function toBfloat16(value: number): number {
  const pattern = toBits(value)
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
export function toFloat16(value: number): number {
  const pattern = toBits(value)
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
