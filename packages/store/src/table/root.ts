import { StemkitError } from '@stemkit/spec/errors'
import type { Meta, RowDriver, RowOptions } from '@stemkit/spec/row-driver'
import { crc32 } from '../codec/checksum.ts'
import type { RowLayout } from '../layout.ts'
import type { RecordRef } from './records.ts'

/**
 * The one value that says what a table is: whoever replaces it makes a version. It lies in the meta `root`, as a line
 * `stemkit-table 1 CRC32` and then JSON.
 */
export interface Root {
  /** Random, and the same for as long as the table lives. */
  readonly id: string
  readonly layout: RowLayout
  readonly rows: number
  /** Places below this one may be in use. */
  readonly places: number
  /** Counts those that opened it for writing. Part of the names of their records, so that no two write the same one. */
  readonly writer: number
  readonly nextVersion: number
  readonly nextRecord: number
  /** The lowest key that never named a row of an overlay. */
  readonly nextKey: number
  readonly versions: readonly RootVersion[]
  readonly overlays: readonly RootOverlay[]
  /** Those that versions and overlays name. */
  readonly records: readonly RecordRef[]
  /** Metas that nobody needs, to be removed. */
  readonly garbage: readonly string[]
}

export interface RootVersion {
  readonly version: number
  /** The version that last changed a row of the table itself. */
  readonly content: number
  readonly movedRows: number
  readonly kept: boolean
  readonly note?: string
  /** Not to be opened any more; named only for those who read it already. */
  readonly retired?: true
  /** Numbers of the records that lead to it, applied in this order. */
  readonly records: readonly number[]
  /** Numbers of its overlays. */
  readonly overlays: readonly number[]
}

export interface RootOverlay {
  /** That of the record that holds its ids and their keys. */
  readonly number: number
  readonly name: string
  readonly note?: string
  readonly base: { readonly table: string; readonly content: number }
  readonly rows: number
}

const MAGIC = 'stemkit-table'
const FORMAT = 1

/** @throws unsupported if the driver holds no metas */
export function metasOf(driver: RowDriver): NonNullable<RowDriver['meta']> {
  if (driver.meta !== undefined) return driver.meta
  throw new StemkitError('unsupported', 'row table: this driver holds rows alone, no table (it has no metas)')
}

/**
 * The root of a table and the version of its meta.
 * @throws not-found where no table was ever finished, corrupt where its bytes contradict themselves, unsupported for a
 *   format of the future
 */
export async function readRoot(driver: RowDriver, options: RowOptions): Promise<{ root: Root; meta: Meta }> {
  const meta = await metasOf(driver).get('root', options)
  if (meta === undefined) {
    throw new StemkitError('not-found', 'row table: no table here, or one whose making was cut short; create it')
  }
  return { root: decodeRoot(meta.bytes, driver.where), meta }
}

export const encodeRoot = (root: Root): Uint8Array => encodeText(`${MAGIC} ${FORMAT}`, root)

function decodeRoot(bytes: Uint8Array, where = 'row table'): Root {
  const decoded = decodeText(bytes)
  if (decoded === undefined || !decoded.head.startsWith(`${MAGIC} `)) {
    throw new StemkitError('corrupt', `${where}: the meta 'root' does not match its checksum; restore it from a copy`)
  }
  if (decoded.head !== `${MAGIC} ${FORMAT}`) {
    throw new StemkitError('unsupported', `row table: '${decoded.head}', this build knows format ${FORMAT}`)
  }
  return decoded.value as Root
}

/** A value as JSON, after a line of `head` and the checksum of head and JSON. */
export function encodeText(head: string, value: unknown): Uint8Array {
  const json = JSON.stringify(value)
  return encoder.encode(`${head} ${checksumOf(head, json)}\n${json}\n`)
}

/** Undefined if the text is not as it was encoded. */
export function decodeText(bytes: Uint8Array): { head: string; value: unknown } | undefined {
  const match = /^(.+) ([0-9a-f]{8})\n(.*)\n$/.exec(decoder.decode(bytes))
  if (match === null || checksumOf(match[1]!, match[3]!) !== match[2]) return undefined
  return { head: match[1]!, value: JSON.parse(match[3]!) }
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()

const checksumOf = (head: string, json: string): string =>
  crc32(encoder.encode(`${head}\n${json}`))
    .toString(16)
    .padStart(8, '0')
