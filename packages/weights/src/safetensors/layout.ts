import { StemkitError } from '@stemkit/spec/errors'
import { DTYPE_BYTES } from '../dtype.ts'
import { quote, UNSAFE_NAMES } from '../strict-json.ts'
import { byteLength, elementCount, isSize, showShape, type TensorInfo } from '../tensor.ts'
import { LENGTH_BYTES, MAX_HEADER_BYTES } from './header.ts'

/** How a file of some tensors begins, and in which order their bytes follow. */
export interface SafetensorsLayout {
  /** The first bytes of the file, the header's length included; a multiple of eight. */
  readonly header: Uint8Array
  readonly order: readonly string[]
  /** Of the whole file. */
  readonly byteLength: number
}

const byName = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/**
 * Lays out a file. The same tensors and metadata, in any order, always give the same bytes: names are sorted in the
 * header, data by name within element size, the widest first, so that every tensor is aligned for its dtype.
 * @throws bad-input for a shape, name or metadata that the format cannot hold
 */
export function layoutSafetensors(
  tensors: ReadonlyMap<string, TensorInfo>,
  metadata: Readonly<Record<string, string>> = {},
): SafetensorsLayout {
  for (const [name, info] of tensors) checkWritable(name, info)
  const names = [...tensors.keys()].toSorted(byName)
  const width = (name: string): number => DTYPE_BYTES[tensors.get(name)!.dtype]
  const order = names.toSorted((a, b) => width(b) - width(a))

  const offsets = new Map<string, [number, number]>()
  let reached = 0
  for (const name of order) {
    const begin = reached
    reached += byteLength(tensors.get(name)!)
    offsets.set(name, [begin, reached])
  }
  const members = names.map((name) => {
    const { dtype, shape } = tensors.get(name)!
    return `${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: offsets.get(name) })}`
  })
  const header = frame(`{${[...metadataMember(metadata), ...members].join(',')}}`)
  return { header, order, byteLength: header.byteLength + reached }
}

function checkWritable(name: string, info: TensorInfo): void {
  const wrong = (problem: string): never => {
    throw new StemkitError('bad-input', `the tensor ${quote(name)} cannot be written: ${problem}`)
  }
  if (name === '__metadata__' || UNSAFE_NAMES.has(name) || !name.isWellFormed()) wrong('its name is not allowed')
  if (!Object.hasOwn(DTYPE_BYTES, info.dtype)) wrong(`its dtype is ${String(info.dtype)}`)
  if (!info.shape.every(isSize) || Number.isNaN(elementCount(info.shape)))
    wrong(`its shape is ${showShape(info.shape)}`)
}

function metadataMember(metadata: Readonly<Record<string, string>>): string[] {
  const entries = Object.entries(metadata).toSorted(([a], [b]) => byName(a, b))
  for (const [key, value] of entries) {
    if (typeof value !== 'string' || UNSAFE_NAMES.has(key)) {
      throw new StemkitError('bad-input', `the metadata ${quote(key)} cannot be written: only names with strings can`)
    }
  }
  if (entries.length === 0) return []
  return [
    `"__metadata__":{${entries.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(',')}}`,
  ]
}

/** The header padded with spaces to a multiple of eight bytes, after its length. */
function frame(json: string): Uint8Array {
  const text = new TextEncoder().encode(json)
  const length = Math.ceil(text.byteLength / 8) * 8
  if (length > MAX_HEADER_BYTES) {
    throw new StemkitError(
      'unsupported',
      `a safetensors header of ${length} bytes is over the limit; write several files`,
    )
  }
  const framed = new Uint8Array(LENGTH_BYTES + length).fill(0x20)
  new DataView(framed.buffer).setBigUint64(0, BigInt(length), true)
  framed.set(text, LENGTH_BYTES)
  return framed
}
