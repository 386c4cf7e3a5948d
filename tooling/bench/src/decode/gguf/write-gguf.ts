import { open, type FileHandle } from 'node:fs/promises'
import { StemkitError } from '@stemkit/spec/errors'
import { encodeWeights, GGUF_TYPES, type GgufType } from './encode-weights.ts'

/** A number is an unsigned integer of 32 bits. */
export type GgufValue = string | number | { readonly float32: number } | readonly string[] | Float32Array | Int32Array

export interface GgufTensor {
  readonly name: string
  /** Rows first, the last dimension contiguous; the file says it the other way round. */
  readonly shape: readonly number[]
  readonly type: GgufType
  /** Called when it is this tensor's turn to be written, so that one at a time is in memory. */
  readonly values: () => Float32Array
}

const VERSION = 3
const ALIGNMENT = 32
/** How many weights are encoded at a time: whole blocks of any type. */
const CHUNK = 2 ** 20

/**
 * Writes a GGUF file, version 3.
 * @throws bad-input for a tensor whose rows are not whole blocks of its type, or whose values are not as many as its shape says
 */
export async function writeGguf(
  path: string,
  metadata: Readonly<Record<string, GgufValue>>,
  tensors: readonly GgufTensor[],
): Promise<void> {
  const file = await open(path, 'w')
  try {
    const header = encodeHeader(metadata, tensors)
    await file.write(header)
    await file.write(padding(header.length))
    for (const tensor of tensors) await file.write(padding(await writeTensor(file, tensor)))
  } finally {
    await file.close()
  }
}

async function writeTensor(file: FileHandle, { name, shape, type, values }: GgufTensor): Promise<number> {
  const all = values()
  if (all.length !== elements(shape)) {
    throw new StemkitError('bad-input', `GGUF tensor '${name}': ${all.length} values for [${shape.join(', ')}]`)
  }
  let bytes = 0
  for (let at = 0; at < all.length; at += CHUNK) {
    const encoded = encodeWeights(type, all.subarray(at, at + CHUNK))
    await file.write(encoded)
    bytes += encoded.length
  }
  return bytes
}

function encodeHeader(metadata: Readonly<Record<string, GgufValue>>, tensors: readonly GgufTensor[]): Buffer {
  const entries = Object.entries(metadata)
  const parts: Uint8Array[] = [Buffer.from('GGUF'), uint32(VERSION), uint64(tensors.length), uint64(entries.length)]
  for (const [key, value] of entries) parts.push(text(key), ...encodeValue(value))
  let offset = 0
  for (const { name, shape, type } of tensors) {
    const { id, weights, bytes } = GGUF_TYPES[type]
    if (shape.at(-1)! % weights !== 0) {
      throw new StemkitError('bad-input', `GGUF tensor '${name}': rows of ${shape.at(-1)} are not blocks of ${weights}`)
    }
    const dimensions = shape.toReversed().map(uint64)
    parts.push(text(name), uint32(shape.length), ...dimensions, uint32(id), uint64(offset))
    const size = (elements(shape) / weights) * bytes
    offset += size + padding(size).length
  }
  return Buffer.concat(parts)
}

/** The number of its type, then the value; an array has the type of its elements and their number in front. */
function encodeValue(value: GgufValue): Uint8Array[] {
  const type = { uint32: uint32(4), int32: uint32(5), float32: uint32(6), string: uint32(8), array: uint32(9) }
  if (typeof value === 'string') return [type.string, text(value)]
  if (typeof value === 'number') return [type.uint32, uint32(value)]
  if ('float32' in value) return [type.float32, bytesOf(Float32Array.of(value.float32))]
  const length = uint64(value.length)
  if (value instanceof Float32Array) return [type.array, type.float32, length, bytesOf(value)]
  if (value instanceof Int32Array) return [type.array, type.int32, length, bytesOf(value)]
  return [type.array, type.string, length, ...value.map(text)]
}

const elements = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1)
const padding = (bytes: number): Uint8Array => new Uint8Array((ALIGNMENT - (bytes % ALIGNMENT)) % ALIGNMENT)
const bytesOf = (array: ArrayBufferView): Uint8Array => new Uint8Array(array.buffer, array.byteOffset, array.byteLength)
const uint32 = (value: number): Uint8Array => bytesOf(Uint32Array.of(value))
const uint64 = (value: number): Uint8Array => bytesOf(BigUint64Array.of(BigInt(value)))
const text = (value: string): Uint8Array => {
  const encoded = Buffer.from(value)
  return Buffer.concat([uint64(encoded.length), encoded])
}
