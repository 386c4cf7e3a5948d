// Values of 16 bits, as spans of bit patterns: the floats pass as the bits of a Float32Array, so that NaNs keep theirs.
// Rounding is to the nearest, ties to even; too large becomes infinite; a NaN stays one, and becomes quiet.

/** Bits of the float32 that each f16 pattern stands for. */
let f32BitsOfF16: Uint32Array | undefined

export function decodeF16(from: Uint16Array, fromAt: number, into: Uint32Array, intoAt: number, count: number): void {
  const table = (f32BitsOfF16 ??= Uint32Array.from({ length: 65536 }, (_, half) => widenF16(half)))
  for (let i = 0; i < count; i++) into[intoAt + i] = table[from[fromAt + i]!]!
}

export function encodeF16(from: Uint32Array, fromAt: number, into: Uint16Array, intoAt: number, count: number): void {
  for (let i = 0; i < count; i++) {
    const bits = from[fromAt + i]!
    const magnitude = bits & 0x7fffffff
    const sign = (bits >>> 16) & 0x8000
    if (magnitude >= 0x38800000 && magnitude < 0x47800000) {
      // 2^-14 to 2^16: the exponent's bias falls by 112; rounding up carries into it, at the top into infinity.
      into[intoAt + i] = sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13)
    } else if (magnitude >= 0x47800000) {
      into[intoAt + i] = sign | (magnitude > 0x7f800000 ? 0x7e00 | ((magnitude >>> 13) & 0x3ff) : 0x7c00)
    } else {
      into[intoAt + i] = sign | subnormalF16(magnitude)
    }
  }
}

/** Below 2^-14 the pattern counts units of 2^-24. */
function subnormalF16(magnitude: number): number {
  const shift = 126 - (magnitude >>> 23)
  if (shift > 24) return 0
  const significand = (magnitude & 0x7fffff) | 0x800000
  return (significand + (1 << (shift - 1)) - 1 + ((significand >>> shift) & 1)) >>> shift
}

function widenF16(half: number): number {
  const sign = (half & 0x8000) << 16
  const exponent = (half >>> 10) & 31
  const fraction = half & 0x3ff
  if (exponent === 31) return sign | 0x7f800000 | (fraction << 13)
  if (exponent > 0) return sign | ((exponent + 112) << 23) | (fraction << 13)
  if (fraction === 0) return sign
  const zeros = Math.clz32(fraction) - 21
  return sign | ((113 - zeros) << 23) | (((fraction << zeros) & 0x3ff) << 13)
}

export function decodeBf16(from: Uint16Array, fromAt: number, into: Uint32Array, intoAt: number, count: number): void {
  const fours = count & ~3
  let i = 0
  for (; i < fours; i += 4) {
    into[intoAt + i] = from[fromAt + i]! << 16
    into[intoAt + i + 1] = from[fromAt + i + 1]! << 16
    into[intoAt + i + 2] = from[fromAt + i + 2]! << 16
    into[intoAt + i + 3] = from[fromAt + i + 3]! << 16
  }
  for (; i < count; i++) into[intoAt + i] = from[fromAt + i]! << 16
}

export function encodeBf16(from: Uint32Array, fromAt: number, into: Uint16Array, intoAt: number, count: number): void {
  for (let i = 0; i < count; i++) {
    const bits = from[fromAt + i]!
    into[intoAt + i] =
      (bits & 0x7fffffff) > 0x7f800000 ? (bits >>> 16) | 0x40 : (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16
  }
}
