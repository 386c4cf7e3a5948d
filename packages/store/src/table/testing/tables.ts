import type { RowDriver } from '@stemkit/spec/row-driver'
import type { RowLayout } from '../../layout.ts'
import { createRowTable, openRowTable, type OpenRowTableOptions } from '../open-row-table.ts'
import { recordBytes } from '../row-io.ts'
import type { RowTable } from '../row-table.ts'
import { crashRows, type CrashMedium } from './crash-rows.ts'

/** Three float32 a row: 12 bytes, and 16 with the checksum. */
export const layout: RowLayout = { layers: 1, width: 3, dtype: 'f32', state: 'none' }
export const rowBytes = 12

export const newMedium = (rows: number): CrashMedium => crashRows({ rows, rowBytes: recordBytes(layout) })

/** Bytes that tell rows and their writings apart. */
export const bytesFor = (id: number, salt: number): Uint8Array =>
  Uint8Array.from({ length: rowBytes }, (_, i) => (id * 29 + salt * 7 + i * 3 + 1) & 255)

export const blockFor = (ids: Iterable<number>, salt: number): Uint8Array =>
  Uint8Array.from([...ids].flatMap((id) => [...bytesFor(id, salt)]))

/** A table whose row i holds `bytesFor(i, 0)`. */
export async function newTable(medium: CrashMedium, rows: number, driver = medium.open()): Promise<RowTable> {
  return createRowTable({ driver, layout, rows, fill: (ids, into) => into.set(blockFor(ids, 0)) })
}

export const reopen = (
  medium: CrashMedium,
  mode: 'read' | 'write',
  options: Partial<OpenRowTableOptions> = {},
): Promise<RowTable> => openRowTable({ driver: medium.open(), mode, ...options })

export async function readRows(table: Pick<RowTable, 'read'>, ids: Iterable<number>): Promise<Uint8Array> {
  const keys = Uint32Array.from(ids)
  const into = new Uint8Array(keys.length * rowBytes)
  await table.read(keys, into)
  return into
}

/** All rows, as one string to compare. */
export const contentOf = async (table: RowTable): Promise<string> =>
  Buffer.from(
    await readRows(
      table,
      Uint32Array.from({ length: table.rows }, (_, i) => i),
    ),
  ).toString('hex')

export const writeRows = (table: RowTable, ids: number[], salt: number): Promise<void> =>
  table.write(Uint32Array.from(ids), blockFor(ids, salt))

/** A driver without some of its parts. */
export function without(driver: RowDriver, ...parts: (keyof RowDriver)[]): RowDriver {
  const rest = Object.defineProperties({}, Object.getOwnPropertyDescriptors(driver)) as Record<string, unknown>
  for (const part of parts) delete rest[part]
  return rest as unknown as RowDriver
}

/** A driver over a medium that only the driver cannot change. */
export function readOnly(medium: CrashMedium): RowDriver {
  const { meta, ...driver } = without(medium.open(), 'write', 'resize', 'lock', 'flush')
  return { ...driver, rows: medium.bytes.rows, meta: { get: meta!.get } }
}

/** Numbers in [0, 1), the same for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
