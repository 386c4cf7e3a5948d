import { StemkitError } from '@stemkit/spec/errors'
import { DTYPE_BYTES, isDtype } from '../dtype.ts'
import { isObject, isStringMap, parseStrictJson, quote } from '../strict-json.ts'
import { byteLength, isSize, showShape, type TensorInfo } from '../tensor.ts'

/** The longest header that is read or written, in bytes: the same limit as in the library that made the format. */
export const MAX_HEADER_BYTES = 100_000_000

/** Bytes before the header: its length, unsigned, little-endian. */
export const LENGTH_BYTES = 8

/** Where a tensor lies, in bytes from the start of the file. */
export interface TensorLocation extends TensorInfo {
  readonly begin: number
  readonly end: number
}

export interface SafetensorsHeader {
  readonly tensors: ReadonlyMap<string, TensorLocation>
  readonly metadata: Readonly<Record<string, string>>
}

export interface ParseOptions {
  /** Default 100 MB. */
  readonly maxHeaderBytes?: number
}

const refuse = (problem: string): never => {
  throw new StemkitError('corrupt', `not a sound safetensors file: ${problem}`)
}

/**
 * The length of the header in bytes, from the first eight bytes of a file of `fileBytes`.
 * @throws corrupt if the file is too short for it, or it is longer than allowed
 */
export function parseHeaderLength(
  start: Uint8Array,
  fileBytes: number,
  { maxHeaderBytes = MAX_HEADER_BYTES }: ParseOptions = {},
): number {
  if (fileBytes < LENGTH_BYTES || start.byteLength < LENGTH_BYTES) {
    return refuse(`it has ${fileBytes} bytes, too few to be one`)
  }
  const length = new DataView(start.buffer, start.byteOffset).getBigUint64(0, true)
  if (length > BigInt(maxHeaderBytes))
    return refuse(`its header claims ${length} bytes, more than the limit of ${maxHeaderBytes}`)
  if (length > BigInt(fileBytes - LENGTH_BYTES)) {
    return refuse(
      `its header claims ${length} bytes, but only ${fileBytes - LENGTH_BYTES} follow; is the file truncated?`,
    )
  }
  return Number(length)
}

/**
 * Reads the header of a file of `fileBytes` and checks that its tensors fill the rest of the file exactly.
 * @throws corrupt naming the tensor and what is wrong, unsupported for a dtype that is not read here
 */
export function parseHeader(header: Uint8Array, fileBytes: number): SafetensorsHeader {
  const { __metadata__: metadata = {}, ...entries } = parseStrictJson(
    'not a sound safetensors file: its header',
    header,
    {
      maxDepth: 3,
    },
  )
  if (!isStringMap(metadata)) return refuse('its __metadata__ is not a map of strings to strings')
  const dataStart = LENGTH_BYTES + header.byteLength
  const tensors = new Map(Object.entries(entries).map(([name, entry]) => [name, parseEntry(name, entry, dataStart)]))
  checkGapless(tensors, dataStart, fileBytes)
  return { tensors, metadata }
}

function parseEntry(name: string, entry: unknown, dataStart: number): TensorLocation {
  const tensor = `tensor ${quote(name)}`
  if (!isObject(entry)) return refuse(`${tensor} is not described by an object`)
  const { dtype, shape, data_offsets: offsets } = entry
  if (!isDtype(dtype)) {
    if (typeof dtype !== 'string') return refuse(`${tensor} has no dtype`)
    const known = Object.keys(DTYPE_BYTES).join(', ')
    throw new StemkitError(
      'unsupported',
      `${tensor} has dtype ${quote(dtype)}, which cannot be read; known are ${known}`,
    )
  }
  if (!Array.isArray(shape) || !shape.every(isSize))
    return refuse(`the shape of ${tensor} is not a list of whole numbers`)
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isSize)) {
    return refuse(`the data_offsets of ${tensor} are not two whole numbers`)
  }
  const [begin, end] = offsets as [number, number]
  const expected = byteLength({ dtype, shape })
  if (end - begin !== expected) {
    return refuse(
      `${tensor} of ${dtype} ${showShape(shape)} needs ${expected} bytes, but its offsets ${begin} to ${end} hold ${end - begin}`,
    )
  }
  return { dtype, shape, begin: dataStart + begin, end: dataStart + end }
}

function checkGapless(tensors: ReadonlyMap<string, TensorLocation>, dataStart: number, fileBytes: number): void {
  let reached = dataStart
  let before = 'the header'
  for (const [name, { begin, end }] of [...tensors].toSorted(([, a], [, b]) => a.begin - b.begin || a.end - b.end)) {
    const here = `tensor ${quote(name)}`
    if (begin < reached) refuse(`${here} overlaps ${before}`)
    if (begin > reached) refuse(`there is a gap of ${begin - reached} bytes before ${here}`)
    if (end > fileBytes)
      refuse(`${here} ends ${end - fileBytes} bytes after the end of the file; is the file truncated?`)
    reached = end
    before = here
  }
  if (reached < fileBytes) refuse(`${fileBytes - reached} bytes follow its last tensor`)
}
