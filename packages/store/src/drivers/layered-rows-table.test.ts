import { expect, test } from 'vitest'
import { payloadBytes } from '../layout.ts'
import { fileRows } from '../node/file-rows.ts'
import { createRowTable, openRowTable } from '../table/open-row-table.ts'
import { recordBytes } from '../table/row-io.ts'
import type { RowTable } from '../table/row-table.ts'
import { layeredRows, type LayeredRows } from './layered-rows.ts'
import { memoryRows } from './memory-rows.ts'
import { fileLayer, range, temporaryLayer } from './testing/layers.ts'

const LAYOUT = { layers: 2, width: 7, dtype: 'f32', state: 'none' } as const
const ROW_BYTES = payloadBytes(LAYOUT)
const ALL = range(0, 40)
const rowsOf = (ids: Uint32Array, salt: number): Uint8Array =>
  Uint8Array.from({ length: ids.length * ROW_BYTES }, (_, at) => (ids[Math.floor(at / ROW_BYTES)]! + salt * 50) % 251)

async function readAll(table: RowTable): Promise<Uint8Array> {
  const into = new Uint8Array(ALL.length * ROW_BYTES)
  await table.read(ALL, into)
  return into
}

test('a table is written through memory over a file, and read elsewhere through a file over what was published', async () => {
  const origin = await temporaryLayer()
  const cache = await temporaryLayer()
  const none = { rows: 0, rowBytes: recordBytes(LAYOUT) }
  const writer = await createRowTable({
    driver: await layeredRows([memoryRows(none), await fileLayer(origin, none)]),
    layout: LAYOUT,
    rows: ALL.length,
    fill: (ids, into) => into.set(rowsOf(ids, 1)),
  })

  const read = async (): Promise<{ rows: Uint8Array; fromBelow: number }> => {
    const base = await fileRows(origin.path, { readOnly: true })
    const driver: LayeredRows = await layeredRows([await fileLayer(cache, base), base], { readOnly: true })
    const table = await openRowTable({ driver, mode: 'read' })
    const rows = await readAll(table)
    await table.dispose()
    return { rows, fromBelow: driver.stats()[1]!.read }
  }
  const expected = rowsOf(ALL, 1)
  expect(await read()).toEqual({ rows: expected, fromBelow: 40 })
  expect(await read()).toEqual({ rows: expected, fromBelow: 0 })

  const some = Uint32Array.of(3, 9, 30)
  for (let salt = 2; salt <= 5; salt++) {
    await writer.write(some, rowsOf(some, salt))
    await writer.snapshot()
    some.forEach((id, i) =>
      expected.set(rowsOf(some, salt).subarray(i * ROW_BYTES, (i + 1) * ROW_BYTES), id * ROW_BYTES),
    )
    expect(await readAll(writer)).toEqual(expected)
    expect(await read()).toEqual({ rows: expected, fromBelow: 40 })
    expect(await read()).toEqual({ rows: expected, fromBelow: 0 })
  }
  await writer.dispose()
})

test('a table that can only be read is trained on through a file layer, and stays as it is', async () => {
  const origin = await temporaryLayer()
  const own = await temporaryLayer()
  const none = { rows: 0, rowBytes: recordBytes(LAYOUT) }
  const made = await createRowTable({
    driver: await fileLayer(origin, none),
    layout: LAYOUT,
    rows: ALL.length,
    fill: (ids, into) => into.set(rowsOf(ids, 1)),
  })
  await made.dispose()
  const open = async (mode: 'read' | 'write'): Promise<RowTable> => {
    const base = await fileRows(origin.path, { readOnly: true })
    return openRowTable({ driver: await layeredRows([await fileLayer(own, base), base]), mode })
  }
  const table = await open('write')
  const some = range(10, 20)
  await table.write(some, rowsOf(some, 2))
  expect(await table.snapshot()).toBe(2)
  await table.dispose()
  const expected = rowsOf(ALL, 1)
  expected.set(rowsOf(some, 2), 10 * ROW_BYTES)
  const again = await open('write')
  expect(again.version).toBe(2)
  expect(await readAll(again)).toEqual(expected)
  await again.dispose()
  const base = await openRowTable({ driver: await fileRows(origin.path, { readOnly: true }), mode: 'read' })
  expect(base.version).toBe(1)
  expect(await readAll(base)).toEqual(rowsOf(ALL, 1))
  await base.dispose()
})
