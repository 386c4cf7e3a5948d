import { expect, test } from 'vitest'
import { memoryRows } from '../drivers/memory-rows.ts'
import { overlayView } from '../overlay/overlay-view.ts'
import { createRowTable, openRowTable } from './open-row-table.ts'
import { recordBytes } from './row-io.ts'
import { blockFor, contentOf, layout, readRows, writeRows } from './testing/tables.ts'

test('a table in memory, which outlives nothing, has versions, readers and overlays all the same', async () => {
  const driver = memoryRows({ rows: 8, rowBytes: recordBytes(layout) })
  const table = await createRowTable({ driver, layout, rows: 8 })
  const reader = await openRowTable({ driver, mode: 'read' })
  await writeRows(table, [1, 2], 1)
  const kept = await table.snapshot({ keep: true })
  await writeRows(table, [2, 3], 2)
  await table.snapshot()
  await table.addOverlay('a', Uint32Array.of(4), blockFor([4], 3))
  expect(await contentOf(reader)).toBe('00'.repeat(96))
  expect(await readRows(await openRowTable({ driver, mode: 'read', version: kept }), [1, 2])).toEqual(
    blockFor([1, 2], 1),
  )
  await reader.refresh()
  const view = await overlayView(reader, ['a'])
  const row = new Uint8Array(12)
  await view.read(view.resolve(Uint32Array.of(4)), row)
  expect(row).toEqual(blockFor([4], 3))
  await expect(openRowTable({ driver, mode: 'write' })).rejects.toMatchObject({ code: 'conflict' })
})

test('memory of somebody else cannot grow, and holds no table', async () => {
  const driver = memoryRows({ rows: 8, rowBytes: 16, buffer: new ArrayBuffer(128) })
  await expect(createRowTable({ driver, layout, rows: 8 })).rejects.toMatchObject({ code: 'unsupported' })
})
