import { mkdtempSync, rmSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import type { PartedRows } from '../drivers/rows-in-parts.ts'
import type { RowLayout } from '../layout.ts'
import { fileRows } from '../node.ts'
import { createRowTable, openRowTable } from './open-row-table.ts'
import { recordBytes } from './row-io.ts'
import type { RowTable } from './row-table.ts'

const folder = mkdtempSync(join(tmpdir(), 'stemkit-parts-'))
afterAll(() => rmSync(folder, { recursive: true }))

const ROWS = 200
const layout: RowLayout = { layers: 3, width: 400, dtype: 'f32', state: 'none' }
const rowBytes = 4800
const rowOf = (id: number, salt = 0): Uint8Array => new Uint8Array(rowBytes).map((_, i) => id * 7 + salt * 13 + i)

let made = 0
async function newTable(): Promise<{ path: string; table: RowTable }> {
  const path = join(folder, `rows-${made++}`)
  const driver = await fileRows(path, { create: { rows: ROWS, rowBytes: recordBytes(layout) } })
  const fill = (ids: Uint32Array, into: Uint8Array): void => ids.forEach((id, i) => into.set(rowOf(id), i * rowBytes))
  return { path, table: await createRowTable({ driver, layout, rows: ROWS, fill }) }
}

const STRIDE = 4864
/** Slots for rows in memory that threads share, zeroed. */
const newSlots = (count: number): Uint8Array => new Uint8Array(new SharedArrayBuffer(count * STRIDE))
const inSlot = (slots: Uint8Array, slot: number): Buffer =>
  Buffer.from(slots.slice(slot * STRIDE, slot * STRIDE + rowBytes))

test('rows go between a file and slots anywhere in memory, unsorted ones too, and leave what lies between alone', async () => {
  const { path, table } = await newTable()
  const ids = Uint32Array.of(150, 3, 4, 5, 9, 199)
  const at = Uint32Array.of(7, 2, 9, 0, 4, 5)
  const slots = newSlots(10)
  await table.read(ids, slots, { at, stride: STRIDE })
  ids.forEach((id, i) => expect(inSlot(slots, at[i]!).equals(rowOf(id))).toBe(true))
  for (const free of [1, 3, 6, 8])
    expect(slots.slice(free * STRIDE, (free + 1) * STRIDE).every((byte) => byte === 0)).toBe(true)
  expect(slots.slice(rowBytes, STRIDE).every((byte) => byte === 0)).toBe(true)

  const changed = Uint32Array.of(3, 9, 150)
  const from = Uint32Array.of(8, 1, 6)
  changed.forEach((id, i) => slots.set(rowOf(id, 1), from[i]! * STRIDE))
  await table.write(changed, slots, { at: from, stride: STRIDE })
  await table.snapshot()
  await table.dispose()

  // What one way has written, the other reads: a wrapped driver has no parts.
  for (const wrapped of [false, true]) {
    const driver: PartedRows = await fileRows(path)
    const { inParts: _, ...rest } = driver
    const again = await openRowTable({ driver: wrapped ? rest : driver, mode: 'read' })
    const into = new Uint8Array(ids.length * rowBytes)
    await again.read(ids, into)
    ids.forEach((id, i) => {
      const row = Buffer.from(into.buffer, i * rowBytes, rowBytes)
      expect(row.equals(rowOf(id, changed.includes(id) ? 1 : 0))).toBe(true)
    })
    await again.dispose()
  }
})

test.each([0, 100, rowBytes - 1, rowBytes, rowBytes + 3])(
  'byte %d of a record, flipped, is told by the row',
  async (byte) => {
    const { path, table } = await newTable()
    const file = await open(join(path, 'rows.bin'), 'r+')
    const at = 4096 + 77 * recordBytes(layout) + byte
    const { buffer } = await file.read(new Uint8Array(1), 0, 1, at)
    await file.write(Uint8Array.of(buffer[0]! ^ 16), 0, 1, at)
    await file.close()
    const slots = newSlots(3)
    await expect(
      table.read(Uint32Array.of(76, 77, 78), slots, { at: Uint32Array.of(2, 0, 1), stride: STRIDE }),
    ).rejects.toMatchObject({
      code: 'corrupt',
      message: expect.stringContaining('row 77 '),
    })
    await table.read(Uint32Array.of(76, 78), slots, { at: Uint32Array.of(1, 2), stride: STRIDE })
    expect(inSlot(slots, 1).equals(rowOf(76))).toBe(true)
    await table.dispose()
  },
)

test('a call that does not fit its block, or aborts, is refused', async () => {
  const { table } = await newTable()
  const ids = Uint32Array.of(1, 2)
  const at = Uint32Array.of(0, 3)
  const wrong = [{ at, stride: rowBytes - 1 }, { at, stride: 4800.5 }, { at, stride: STRIDE }, { at: at.subarray(1) }]
  for (const how of wrong) {
    await expect(table.read(ids, newSlots(3), how)).rejects.toMatchObject({ code: 'bad-input' })
    await expect(table.write(ids, newSlots(3), how)).rejects.toMatchObject({ code: 'bad-input' })
  }
  const stop = new AbortController()
  const reading = table.read(ids, newSlots(4), { at, stride: STRIDE, signal: stop.signal })
  stop.abort(new Error('enough'))
  await expect(reading).rejects.toThrow('enough')
  await table.dispose()
})
