// Rows at rest [L, w] of any dtype <-> the float32 blocks [L, U, w] that a step works on.
//
// Float32 delivered or taken, GB/s, on one core of a shared EPYC, rows of 6 x 1408 at random in 64 MiB (a plain copy of
// memory outside the caches ran at 10 to 16): decode f32 8.9, f16 1.8 to 2.9, bf16 3.2, int8 3.2; encode f32 9.8, f16 0.7
// to 1.1, bf16 1.1, int8 1.5. A table of all 65536 values decodes f16 as fast as Float16Array does, and on every engine.

import { StemkitError } from '@stemkit/spec/errors'
import { type RowLayout, valueBytes } from '../layout.ts'
import { decodeBf16, decodeF16, encodeBf16, encodeF16 } from './half.ts'
import { decodeInt8, encodeInt8 } from './int8.ts'

type Indices = Uint32Array | Int32Array

/** Rows among bytes: the i-th begins at byte `slots[i] * stride`. Little-endian, as every engine in use is. */
export interface PackedRows {
  /** Begins at a multiple of 4 in its buffer, shared or not. To reach a part of each row, begin the bytes there. */
  readonly bytes: Uint8Array
  /** Bytes from one slot to the next, a multiple of 4, at least `valueBytes(layout)`. */
  readonly stride: number
  /** Default: 0, 1, 2 and so on. */
  readonly slots?: Indices
}

/**
 * Copies the values of packed rows into blocks [L, U, w], `U = blocks.length / (L * w)`. The i-th packed row becomes
 * row `rows[i]` of U in each layer (default: row i, and all U are filled). What follows the values is not looked at.
 * @throws bad-input if sizes or places do not fit
 */
export function decodeRows(layout: RowLayout, from: PackedRows, blocks: Float32Array, rows?: Indices): void {
  const { layers, width } = layout
  const count = countRows('decode', layout, from, blocks, rows)
  const stridePerLayer = blocks.length / layers
  const decode = decoder(layout, from.bytes, blocks)
  const { slots, stride } = from
  for (let i = 0; i < count; i++) {
    const start = (slots === undefined ? i : slots[i]!) * stride
    const at = (rows === undefined ? i : rows[i]!) * width
    for (let layer = 0; layer < layers; layer++) decode(start, layer, layer * stridePerLayer + at)
  }
}

/**
 * The opposite of `decodeRows`: packs rows of blocks [L, U, w], padding zeroed, what follows the values untouched.
 * f16 and bf16 round to the nearest, ties to even, and too large to infinity; int8 has one scale per row and layer,
 * the largest magnitude / 127, and is off by at most half of it.
 * @throws bad-input if sizes or places do not fit, or if a value for int8 is not finite (rows before it are written)
 */
export function encodeRows(layout: RowLayout, blocks: Float32Array, into: PackedRows, rows?: Indices): void {
  const { layers, width, dtype } = layout
  const count = countRows('encode', layout, into, blocks, rows)
  const stridePerLayer = blocks.length / layers
  const encode = encoder(layout, blocks, into.bytes)
  const { bytes, slots, stride } = into
  const padding = dtype === 'int8' ? [layers * width, scalesAt(layout)] : [layers * width * 2, valueBytes(layout)]
  for (let i = 0; i < count; i++) {
    const start = (slots === undefined ? i : slots[i]!) * stride
    const row = rows === undefined ? i : rows[i]!
    for (let layer = 0; layer < layers; layer++) {
      if (encode(start, layer, layer * stridePerLayer + row * width)) continue
      throw new StemkitError(
        'bad-input',
        `row codec: row ${row} of the block has a NaN or an infinity in layer ${layer}, int8 cannot hold it`,
      )
    }
    if (dtype !== 'f32') bytes.fill(0, start + padding[0]!, start + padding[1]!)
  }
}

/** Decodes one layer of the row that begins at byte `start` to `blocks[at]` and on. */
type Decode = (start: number, layer: number, at: number) => void
/** Encodes one layer of a row from `blocks[at]` and on. False: it cannot hold those values. */
type Encode = (start: number, layer: number, at: number) => boolean

/** Below this many values a loop beats a call. */
const NARROW = 32

function decoder(layout: RowLayout, bytes: Uint8Array, blocks: Float32Array): Decode {
  const { width } = layout
  const out = bitsOf(blocks)
  switch (layout.dtype) {
    case 'f32': {
      const values = wordsOf(bytes)
      if (width > NARROW) {
        const { buffer, byteOffset } = bytes
        // A new view takes 20 ns less than `subarray`, which looks for the class of its result first.
        return (start, layer, at) => out.set(new Uint32Array(buffer, byteOffset + start + 4 * layer * width, width), at)
      }
      return (start, layer, at) => {
        const first = start / 4 + layer * width
        for (let i = 0; i < width; i++) out[at + i] = values[first + i]!
      }
    }
    case 'f16': {
      const values = halvesOf(bytes)
      return (start, layer, at) => decodeF16(values, start / 2 + layer * width, out, at, width)
    }
    case 'bf16': {
      const values = halvesOf(bytes)
      return (start, layer, at) => decodeBf16(values, start / 2 + layer * width, out, at, width)
    }
    case 'int8': {
      const values = new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length)
      const scales = floatsOf(bytes)
      const first = scalesAt(layout)
      return (start, layer, at) =>
        decodeInt8(values, start + layer * width, scales[(start + first) / 4 + layer]!, blocks, at, width)
    }
  }
}

function encoder(layout: RowLayout, blocks: Float32Array, bytes: Uint8Array): Encode {
  const { width } = layout
  const bits = bitsOf(blocks)
  switch (layout.dtype) {
    case 'f32': {
      const values = wordsOf(bytes)
      const { buffer, byteOffset } = bits
      return (start, layer, at) => {
        values.set(new Uint32Array(buffer, byteOffset + 4 * at, width), start / 4 + layer * width)
        return true
      }
    }
    case 'f16':
    case 'bf16': {
      const values = halvesOf(bytes)
      const encode = layout.dtype === 'f16' ? encodeF16 : encodeBf16
      return (start, layer, at) => {
        encode(bits, at, values, start / 2 + layer * width, width)
        return true
      }
    }
    case 'int8': {
      const values = new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length)
      const scales = floatsOf(bytes)
      const first = scalesAt(layout)
      return (start, layer, at) => {
        const scale = encodeInt8(blocks, at, values, start + layer * width, width)
        scales[(start + first) / 4 + layer] = scale
        return !Number.isNaN(scale)
      }
    }
  }
}

/** Byte of a row at which the scales of int8 begin. */
const scalesAt = (layout: RowLayout): number => valueBytes(layout) - 4 * layout.layers

const wordsOf = (bytes: Uint8Array): Uint32Array =>
  new Uint32Array(bytes.buffer, bytes.byteOffset, Math.floor(bytes.length / 4))
const halvesOf = (bytes: Uint8Array): Uint16Array =>
  new Uint16Array(bytes.buffer, bytes.byteOffset, Math.floor(bytes.length / 2))
const floatsOf = (bytes: Uint8Array): Float32Array =>
  new Float32Array(bytes.buffer, bytes.byteOffset, Math.floor(bytes.length / 4))
const bitsOf = (floats: Float32Array): Uint32Array => new Uint32Array(floats.buffer, floats.byteOffset, floats.length)

/** Checks everything once, so that the loops need not, and says how many rows there are to convert. */
function countRows(
  verb: string,
  layout: RowLayout,
  { bytes, stride, slots }: PackedRows,
  blocks: Float32Array,
  rows: Indices | undefined,
): number {
  const refuse = (what: string): never => {
    throw new StemkitError('bad-input', `row codec, ${verb}: ${what}`)
  }
  const { layers, width } = layout
  const size = valueBytes(layout)
  const blockRows = blocks.length / (layers * width)
  if (!Number.isInteger(blockRows)) {
    refuse(`${blocks.length} values are not ${layers} layers of rows of ${width}`)
  }
  if (bytes.byteOffset % 4 !== 0) refuse(`the bytes begin at ${bytes.byteOffset}, which is no multiple of 4`)
  if (stride % 4 !== 0 || stride < size) refuse(`a stride of ${stride} bytes for rows of ${size}, in steps of 4`)
  const count = rows?.length ?? blockRows
  if (slots !== undefined && slots.length !== count) refuse(`${slots.length} slots for ${count} rows`)
  const lastSlot = slots === undefined ? count - 1 : outermost(slots)
  if (lastSlot * stride + size > bytes.length) {
    refuse(`slot ${lastSlot} is not within ${bytes.length} bytes at ${stride} a slot`)
  }
  const lastRow = rows === undefined ? -1 : outermost(rows)
  if (lastRow >= blockRows) refuse(`row ${lastRow} of a block of ${blockRows}`)
  return count
}

/** The largest index; one below 0 counts as huge. */
function outermost(indices: Indices): number {
  let largest = -1
  for (let i = 0; i < indices.length; i++) {
    const index = indices[i]! < 0 ? Infinity : indices[i]!
    if (index > largest) largest = index
  }
  return largest
}
