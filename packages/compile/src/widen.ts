import type { PackedMatrix } from '@stemkit/spec/packed-matrix'
import { isPacked, type FrozenWeight } from './frozen.ts'

/** A frozen weight as float32, for backends that know no other form. Float32 ones are returned as they are. */
export function toSingle(weight: FrozenWeight): Float32Array {
  if (isPacked(weight)) return unpacked(weight)
  return weight.data instanceof Float32Array ? weight.data : Float32Array.from(weight.data, fromHalf)
}

function unpacked({ shape: [N, K], bits, block, data, scales }: PackedMatrix): Float32Array {
  const zero = bits === 4 ? 8 : 128
  return Float32Array.from({ length: N * K }, (_, i) => {
    const byte = data[bits === 4 ? i >> 1 : i]!
    const q = bits === 8 ? byte : i % 2 === 0 ? byte & 15 : byte >> 4
    return scales[Math.floor(i / block)]! * (q - zero)
  })
}

/** The value of an IEEE 754 half-precision number. */
function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 31
  const fraction = bits & 1023
  if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25)
}
