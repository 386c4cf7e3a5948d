import { toFloat16 } from '@stemkit/weights'

export type GgufType = 'F32' | 'F16' | 'Q4_0' | 'Q8_0'

/** Of each type: its number in a file, how many weights a block has, and how many bytes that is. */
export const GGUF_TYPES: Readonly<Record<GgufType, { id: number; weights: number; bytes: number }>> = {
  F32: { id: 0, weights: 1, bytes: 4 },
  F16: { id: 1, weights: 1, bytes: 2 },
  Q4_0: { id: 2, weights: 32, bytes: 18 },
  Q8_0: { id: 8, weights: 32, bytes: 34 },
}

/** Weights as a GGUF file stores them; of the quantised types, whole blocks. */
export function encodeWeights(type: GgufType, values: Float32Array): Uint8Array {
  if (type === 'F32') return new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
  if (type === 'F16') return new Uint8Array(Uint16Array.from(values, toFloat16).buffer)
  const { weights, bytes } = GGUF_TYPES[type]
  const encoded = new Uint8Array((values.length / weights) * bytes)
  const encodeBlock = type === 'Q4_0' ? encodeQ4Block : encodeQ8Block
  for (let at = 0, into = 0; at < values.length; at += weights, into += bytes) encodeBlock(values, at, encoded, into)
  return encoded
}

/** A scale in f16, then 16 bytes: weight i in the low half of byte i, weight i + 16 in its high half, 8 standing for 0. */
function encodeQ4Block(values: Float32Array, at: number, encoded: Uint8Array, into: number): void {
  // The weight farthest from zero becomes -8, which is there, while 8 is not.
  let farthest = 0
  for (let i = at; i < at + 32; i++) if (Math.abs(values[i]!) > Math.abs(farthest)) farthest = values[i]!
  const inverse = writeScale(farthest / -8, encoded, into)
  for (let i = 0; i < 16; i++) {
    const low = Math.min(15, Math.trunc(values[at + i]! * inverse + 8.5))
    const high = Math.min(15, Math.trunc(values[at + 16 + i]! * inverse + 8.5))
    encoded[into + 2 + i] = low | (high << 4)
  }
}

/** A scale in f16, then 32 signed bytes. */
function encodeQ8Block(values: Float32Array, at: number, encoded: Uint8Array, into: number): void {
  let farthest = 0
  for (let i = at; i < at + 32; i++) farthest = Math.max(farthest, Math.abs(values[i]!))
  const inverse = writeScale(farthest / 127, encoded, into)
  for (let i = 0; i < 32; i++) encoded[into + 2 + i] = Math.round(values[at + i]! * inverse)
}

/** Returns one over the scale, or 0 where all weights are 0. */
function writeScale(scale: number, encoded: Uint8Array, into: number): number {
  const half = toFloat16(scale)
  encoded[into] = half & 0xff
  encoded[into + 1] = half >>> 8
  return scale === 0 ? 0 : 1 / scale
}
