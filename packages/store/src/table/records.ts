import { StemkitError } from '@stemkit/spec/errors'
import type { RowDriver, RowOptions } from '@stemkit/spec/row-driver'
import { crc32 } from '../codec/checksum.ts'

type Metas = NonNullable<RowDriver['meta']>

/** Names a record that was written once and never changes. */
export interface RecordRef {
  readonly number: number
  /** Who wrote it: the root's `writer` of that time. */
  readonly writer: number
  /** Pairs that it holds. */
  readonly entries: number
}

/** Pairs of 32-bit numbers, ascending by `ids`: which row lies in which place, or which row of an overlay has which key. */
export interface Entries {
  readonly ids: Uint32Array
  readonly values: Uint32Array
}

/** The value of a key that names nothing any more. */
export const GONE = 2 ** 32 - 1

/** Pairs in one meta: 1 MiB. */
const PART_ENTRIES = 2 ** 17
const MAGIC = 0x4a_4b_54_53 // 'STKJ'
const HEAD_WORDS = 5

const partsOf = (entries: number): number => Math.max(1, Math.ceil(entries / PART_ENTRIES))

/** Name of one part of a record. */
export const partName = ({ number, writer }: Pick<RecordRef, 'number' | 'writer'>, part: number): string =>
  `journal.${number}.${writer}.${part}`

/** Names of all metas of a record. */
export const recordNames = (ref: RecordRef): string[] =>
  Array.from({ length: partsOf(ref.entries) }, (_, part) => partName(ref, part))

/**
 * Writes a record, in metas of 1 MiB or less. Each is little-endian 32-bit words: magic, number, writer, part, pairs n,
 * n ids, n values, and the CRC-32 of all before it.
 */
export async function putRecord(
  { put }: Metas,
  ref: RecordRef,
  { ids, values }: Entries,
  options: RowOptions,
): Promise<void> {
  for (let part = 0; part < partsOf(ids.length); part++) {
    const first = part * PART_ENTRIES
    const count = Math.min(PART_ENTRIES, ids.length - first)
    const words = new Uint32Array(HEAD_WORDS + 2 * count + 1)
    words.set([MAGIC, ref.number, ref.writer, part, count])
    words.set(ids.subarray(first, first + count), HEAD_WORDS)
    words.set(values.subarray(first, first + count), HEAD_WORDS + count)
    words[words.length - 1] = crc32(bytesOf(words.subarray(0, -1)))
    await put!(partName(ref, part), bytesOf(words), options)
  }
}

/** @throws corrupt, naming the meta that is missing or damaged */
export async function getRecord(metas: Metas, ref: RecordRef, options: RowOptions): Promise<Entries> {
  const ids = new Uint32Array(ref.entries)
  const values = new Uint32Array(ref.entries)
  for (let part = 0; part < partsOf(ref.entries); part++) {
    const name = partName(ref, part)
    const meta = await metas.get(name, options)
    const first = part * PART_ENTRIES
    const count = Math.min(PART_ENTRIES, ref.entries - first)
    if (meta === undefined) {
      throw new StemkitError('corrupt', `row table: the meta '${name}' is missing; open another version or a copy`)
    }
    const words = meta.bytes.length % 4 === 0 ? new Uint32Array(meta.bytes.slice().buffer) : new Uint32Array(0)
    const head = [MAGIC, ref.number, ref.writer, part, count]
    if (
      words.length !== HEAD_WORDS + 2 * count + 1 ||
      head.some((word, i) => words[i] !== word) ||
      words.at(-1) !== crc32(bytesOf(words.subarray(0, -1)))
    ) {
      throw new StemkitError(
        'corrupt',
        `row table: the meta '${name}' does not match its checksum; open another version or a copy`,
      )
    }
    ids.set(words.subarray(HEAD_WORDS, HEAD_WORDS + count), first)
    values.set(words.subarray(HEAD_WORDS + count, -1), first)
  }
  return { ids, values }
}

/** Both in one; where both have an id, the newer value. */
export function mergeEntries(older: Entries, newer: Entries): Entries {
  const ids = new Uint32Array(older.ids.length + newer.ids.length)
  const values = new Uint32Array(ids.length)
  let count = 0
  for (let i = 0, j = 0; i < older.ids.length || j < newer.ids.length; count++) {
    const a = older.ids[i] ?? Infinity
    const b = newer.ids[j] ?? Infinity
    ids[count] = Math.min(a, b)
    values[count] = b <= a ? newer.values[j]! : older.values[i]!
    if (a <= b) i++
    if (b <= a) j++
  }
  return { ids: ids.subarray(0, count), values: values.subarray(0, count) }
}

const bytesOf = (words: Uint32Array): Uint8Array => new Uint8Array(words.buffer, words.byteOffset, words.byteLength)
