import { StemkitError } from '@stemkit/spec/errors'
import { checkMetaName } from '@stemkit/spec/row-calls'
import type { Meta, RowGeometry } from '@stemkit/spec/row-driver'
import { crc32 } from '../codec/checksum.ts'

// The bytes of rows at rest, in a folder: `rows.bin` and `meta/NAME`. docs/store-file-format.md says the same in words.
// No medium is touched here, so that whoever has the bytes (a disk, an HTTP server) can read them.

const ROW_FILE_VERSION = 1
/** The rows, below the folder. */
export const ROWS_FILE = 'rows.bin'
/** Where the rows begin in their file, and how many bytes `readRowHeader` wants. */
export const ROW_HEADER_BYTES = 4096
/** Largest row that the format has a number for, and the most rows. */
export const MOST_ROW_BYTES = 2 ** 30
export const MOST_ROWS = 2 ** 32
/** The header is there twice, so that one of the two is whole whenever the other is being written. */
export const ROW_HEADER_COPIES = [0, 2048] as const

const ROWS_MAGIC = 'STEMROWS'
const META_MAGIC = 'STEMMETA'
const RECORD_BYTES = 32

/** Where row `id` begins in `rows.bin`; for the number of rows, where the file may end. */
export const rowOffset = (id: number, rowBytes: number): number => ROW_HEADER_BYTES + id * rowBytes

/** One copy of the header, 32 bytes. */
export function rowHeader({ rows, rowBytes }: RowGeometry): Uint8Array {
  const { bytes, view } = record(ROWS_MAGIC)
  view.setUint32(12, rowBytes, true)
  view.setBigUint64(16, BigInt(rows), true)
  view.setUint32(28, crc32(bytes.subarray(0, 28)), true)
  return bytes
}

/**
 * What the first 4096 bytes of `rows.bin` say. Of two copies that differ the one with more rows counts: rows are only
 * ever added, and the file is made longer before its header says so.
 * @param where names the file in errors
 * @throws corrupt; unsupported for a later version of the format
 */
export function readRowHeader(bytes: Uint8Array, where: string): RowGeometry {
  const copies = ROW_HEADER_COPIES.map((at) => readRowRecord(bytes.subarray(at, at + RECORD_BYTES), where))
  const whole = copies.filter((copy) => copy !== undefined).toSorted((a, b) => b.rows - a.rows)
  const [header, other] = whole
  if (header === undefined) {
    throw new StemkitError('corrupt', `${where}: the header is damaged, or it is no file of stemkit rows`)
  }
  if (other !== undefined && other.rowBytes !== header.rowBytes) {
    throw new StemkitError(
      'corrupt',
      `${where}: its two headers speak of rows of ${header.rowBytes} and ${other.rowBytes} bytes`,
    )
  }
  return header
}

function readRowRecord(bytes: Uint8Array, where: string): RowGeometry | undefined {
  if (bytes.length < RECORD_BYTES || !hasMagic(bytes, ROWS_MAGIC)) return undefined
  const view = viewOf(bytes)
  if (view.getUint32(28, true) !== crc32(bytes.subarray(0, 28))) return undefined
  checkVersion(view, where)
  const rowBytes = view.getUint32(12, true)
  const rows = Number(view.getBigUint64(16, true))
  if (rowBytes < 1 || rowBytes > MOST_ROW_BYTES || rows > MOST_ROWS) return undefined
  return { rows, rowBytes }
}

/** @throws corrupt if `rows.bin` has fewer bytes than its header speaks of. More is a resize that was cut short. */
export function checkRowFileSize({ rows, rowBytes }: RowGeometry, size: number, where: string): void {
  const least = rowOffset(rows, rowBytes)
  if (size >= least) return
  throw new StemkitError(
    'corrupt',
    `${where}: ${size} bytes, but ${rows} rows of ${rowBytes} bytes need ${least}: its end is missing`,
  )
}

/** Where a meta lies, below the folder. @throws bad-input for an impossible name */
export function metaPath(name: string): string {
  checkMetaName(name)
  return `meta/${name}`
}

/** A meta as a file: 32 bytes of header with a version of 16 hex digits, then `bytes`. */
export function encodeMeta(bytes: Uint8Array, version: string): Uint8Array {
  const { bytes: header, view } = record(META_MAGIC)
  view.setUint32(12, bytes.length, true)
  view.setBigUint64(16, BigInt(`0x${version}`), true)
  view.setUint32(24, crc32(bytes), true)
  view.setUint32(28, crc32(header.subarray(0, 28)), true)
  const file = new Uint8Array(RECORD_BYTES + bytes.length)
  file.set(header)
  file.set(bytes, RECORD_BYTES)
  return file
}

/**
 * @param file the whole file; the meta's bytes are a view into it
 * @throws corrupt; unsupported for a later version of the format
 */
export function decodeMeta(file: Uint8Array, where: string): Meta {
  const view = viewOf(file)
  if (
    file.length < RECORD_BYTES ||
    !hasMagic(file, META_MAGIC) ||
    view.getUint32(28, true) !== crc32(file.subarray(0, 28))
  ) {
    throw new StemkitError('corrupt', `${where}: the header is damaged`)
  }
  checkVersion(view, where)
  const bytes = file.subarray(RECORD_BYTES)
  const length = view.getUint32(12, true)
  if (bytes.length !== length) {
    throw new StemkitError('corrupt', `${where}: ${bytes.length} bytes after the header, which says ${length}`)
  }
  if (view.getUint32(24, true) !== crc32(bytes))
    throw new StemkitError('corrupt', `${where}: the checksum does not match`)
  return { bytes, version: view.getBigUint64(16, true).toString(16).padStart(16, '0') }
}

function record(magic: string): { bytes: Uint8Array; view: DataView } {
  const bytes = new Uint8Array(RECORD_BYTES)
  bytes.set(new TextEncoder().encode(magic))
  const view = viewOf(bytes)
  view.setUint32(8, ROW_FILE_VERSION, true)
  return { bytes, view }
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

const hasMagic = (bytes: Uint8Array, magic: string): boolean =>
  [...magic].every((char, at) => bytes[at] === char.charCodeAt(0))

function checkVersion(view: DataView, where: string): void {
  const version = view.getUint32(8, true)
  if (version === ROW_FILE_VERSION) return
  throw new StemkitError(
    'unsupported',
    `${where}: version ${version} of the format, this stemkit reads ${ROW_FILE_VERSION}: use a later one`,
  )
}
