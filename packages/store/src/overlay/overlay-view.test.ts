import { describe, expect, test } from 'vitest'
import { createRowTable, openRowTable } from '../table/open-row-table.ts'
import type { RowTable } from '../table/row-table.ts'
import {
  blockFor,
  bytesFor,
  contentOf,
  layout,
  newMedium,
  newTable,
  readOnly,
  readRows,
  reopen,
  writeRows,
} from '../table/testing/tables.ts'
import { overlayView } from './overlay-view.ts'

const ROWS = 8
const all = Uint32Array.from({ length: ROWS }, (_, i) => i)

/** The rows as an overlay view has them. */
async function viewed(base: RowTable, stack: string[], overlays?: RowTable): Promise<Uint8Array> {
  const view = await overlayView(base, stack, overlays && { overlays })
  const into = new Uint8Array(ROWS * view.rowBytes)
  await view.read(view.resolve(all), into)
  return into
}

const changed = (changes: Record<number, number>): Uint8Array =>
  Uint8Array.from([...all].flatMap((id) => [...bytesFor(id, changes[id] ?? 0)]))

const add = (table: RowTable, name: string, ids: number[], salt: number, options = {}) =>
  table.addOverlay(name, Uint32Array.from(ids), blockFor(ids, salt), options)

describe('overlays of a table', () => {
  test('are listed with number, note, and the rows that they were made for', async () => {
    const medium = newMedium(ROWS)
    const table = await newTable(medium, ROWS)
    const first = await add(table, 'facts', [1, 5], 1, { note: 'corrected dates' })
    const second = await add(table, 'tenant-7', [5], 2)
    expect(second.number).toBeGreaterThan(first.number)
    const base = { table: table.id, content: 1 }
    expect(table.overlays).toEqual([
      { number: first.number, name: 'facts', note: 'corrected dates', rows: 2, base },
      { number: second.number, name: 'tenant-7', rows: 1, base },
    ])
    expect(first).toEqual(table.overlays[0])
    expect((await reopen(medium, 'read')).overlays).toEqual(table.overlays)
  })

  test('leave the rows of the table as they are, and stack: the last that has a row gives it', async () => {
    const medium = newMedium(ROWS)
    const table = await newTable(medium, ROWS)
    await add(table, 'a', [1, 5], 1)
    await add(table, 'b', [5, 6], 2)
    for (const base of [table, await reopen(medium, 'read')]) {
      expect(await viewed(base, [])).toEqual(changed({}))
      expect(await viewed(base, ['a'])).toEqual(changed({ 1: 1, 5: 1 }))
      expect(await viewed(base, ['a', 'b'])).toEqual(changed({ 1: 1, 5: 2, 6: 2 }))
      expect(await viewed(base, ['b', 'a'])).toEqual(changed({ 1: 1, 5: 1, 6: 2 }))
      expect(base.content).toBe(1)
    }
    await expect(viewed(table, ['c'])).rejects.toThrow("no overlay 'c' in this version; it has 'a', 'b'")
  })

  test('have keys of their own, under which rows can be cached whatever is stacked', async () => {
    const table = await newTable(newMedium(ROWS), ROWS)
    await add(table, 'a', [1, 5], 1)
    await add(table, 'b', [5], 2)
    const keysOf = async (stack: string[]) => [...(await overlayView(table, stack)).resolve(all)]
    expect(await keysOf(['a'])).toEqual([0, 8, 2, 3, 4, 9, 6, 7])
    expect(await keysOf(['a', 'b'])).toEqual([0, 8, 2, 3, 4, 10, 6, 7])
    await table.removeOverlay('b')
    await add(table, 'b', [5], 3)
    expect(await keysOf(['a', 'b'])).toEqual([0, 8, 2, 3, 4, 11, 6, 7])
    const view = await overlayView(table, ['b'])
    const block = new Uint8Array(36)
    await view.read(Uint32Array.of(11, 0), block, { at: Uint32Array.of(2, 0) })
    expect(block).toEqual(Uint8Array.from([...bytesFor(0, 0), ...new Uint8Array(12), ...bytesFor(5, 3)]))
  })

  test('are read once by views that remember them', async () => {
    const medium = newMedium(ROWS)
    const table = await newTable(medium, ROWS)
    await add(table, 'a', [1, 5], 1)
    await add(table, 'b', [5], 2)
    const reads: string[] = []
    medium.onCall = (made) => {
      if (made.startsWith('before get journal')) reads.push(made)
    }
    const known = new Map()
    const stacked = async (stack: string[]): Promise<number[]> => {
      reads.length = 0
      const view = await overlayView(table, stack, { known })
      return [...view.resolve(all)]
    }
    expect(await stacked(['a', 'b'])).toEqual([0, 8, 2, 3, 4, 10, 6, 7])
    expect(reads).toHaveLength(2)
    expect(await stacked(['b', 'a'])).toEqual([0, 8, 2, 3, 4, 9, 6, 7])
    expect(reads).toHaveLength(0)
    // One of the same name that was made anew is another one.
    await table.removeOverlay('b')
    await add(table, 'b', [6], 3)
    expect(await stacked(['a', 'b'])).toEqual([0, 8, 2, 3, 4, 9, 11, 7])
    expect(reads).toHaveLength(1)
  })

  test('can be removed, and what they took is used again', async () => {
    const medium = newMedium(ROWS)
    const table = await newTable(medium, ROWS)
    const before = await contentOf(table)
    for (let round = 0; round < 10; round++) {
      await add(table, 'a', [1, 5], round)
      await table.removeOverlay('a')
    }
    expect(table.overlays).toEqual([])
    expect(await contentOf(table)).toBe(before)
    expect(medium.bytes.rows).toBeLessThanOrEqual(ROWS + 6)
    expect([...medium.bytes.metas.keys()].filter((name) => name.startsWith('journal')).length).toBeLessThan(5)
    await expect(table.removeOverlay('a')).rejects.toMatchObject({ code: 'not-found' })
    await expect(readRows(table, [ROWS])).rejects.toThrow("row 8 is not one of 8, nor the key of an overlay's row")
  })

  test('stay readable for those who read the version that had them', async () => {
    const medium = newMedium(ROWS)
    const table = await newTable(medium, ROWS)
    await add(table, 'a', [1, 5], 1)
    const reader = await reopen(medium, 'read')
    await table.removeOverlay('a')
    for (let round = 0; round < 4; round++) {
      await writeRows(table, [...all], round)
      await table.snapshot()
    }
    expect(await viewed(reader, ['a'])).toEqual(changed({ 1: 1, 5: 1 }))
    await reader.refresh()
    expect(reader.overlays).toEqual([])
  })

  test('are removed only after the reads under way', async () => {
    const medium = newMedium(ROWS)
    const driver = medium.open()
    const read = driver.read.bind(driver)
    let wait = Promise.resolve()
    driver.read = async (...args) => {
      await wait
      await read(...args)
    }
    const table = await newTable(medium, ROWS, driver)
    await add(table, 'a', [1, 5], 1)
    let go!: () => void
    wait = new Promise((resolve) => (go = resolve))
    const reading = viewed(table, ['a'])
    const removing = table.removeOverlay('a').then(() => add(table, 'b', [1, 5], 2))
    await new Promise((resolve) => setTimeout(resolve, 20))
    go()
    expect(await reading).toEqual(changed({ 1: 1, 5: 1 }))
    await removing
  })

  test('are there as a whole or not at all: a failure in the middle leaves nothing', async () => {
    const medium = newMedium(ROWS)
    const table = await newTable(medium, ROWS)
    for (const call of ['before write', 'before put journal']) {
      medium.onCall = (made) => {
        if (made.startsWith(call)) throw new Error('disk full')
      }
      await expect(add(table, 'a', [1, 5], 1)).rejects.toThrow('disk full')
      medium.onCall = undefined
      expect(table.overlays).toEqual([])
    }
    await writeRows(table, [1], 3)
    await table.snapshot()
    await add(table, 'a', [1, 5], 2)
    expect(await viewed(table, ['a'])).toEqual(changed({ 1: 2, 5: 2 }))
  })

  test('are refused for what they cannot be', async () => {
    const table = await newTable(newMedium(ROWS), ROWS)
    await add(table, 'a', [1], 1)
    await expect(add(table, 'a', [2], 1)).rejects.toMatchObject({ code: 'conflict' })
    await expect(add(table, 'b', [8], 1)).rejects.toThrow('row 8 is not one of 8')
    await expect(add(table, 'b', [], 1)).rejects.toThrow("overlay 'b' has no rows")
    await expect(add(table, 'b c', [1], 1)).rejects.toMatchObject({ code: 'bad-input' })
    await expect(table.addOverlay('b', Uint32Array.of(1), new Uint8Array(13))).rejects.toMatchObject({
      code: 'bad-input',
    })
    await writeRows(table, [3], 3)
    await expect(add(table, 'b', [2], 1)).rejects.toThrow('rows were written since the last snapshot')
    await expect(table.removeOverlay('a')).rejects.toMatchObject({ code: 'conflict' })
    await table.snapshot()
    await table.removeOverlay('a')
  })
})

describe('an overlay belongs to the rows that it was made for', () => {
  test('and is refused over others: the table moved on, or is another one', async () => {
    const medium = newMedium(ROWS)
    const table = await newTable(medium, ROWS)
    const kept = await table.snapshot({ keep: true })
    await add(table, 'a', [1], 1)
    await writeRows(table, [2], 2)
    await table.snapshot()
    await expect(viewed(table, ['a'])).rejects.toMatchObject({ code: 'conflict' })
    await expect(viewed(table, ['a'])).rejects.toThrow("'a' was made for version 1 of table")

    const old = await reopen(medium, 'read', { version: kept })
    await expect(viewed(old, ['a'])).rejects.toMatchObject({ code: 'not-found' })
    expect(await viewed(old, ['a'], table)).toEqual(changed({ 1: 1 }))

    const other = await newTable(newMedium(ROWS), ROWS)
    await expect(viewed(other, ['a'], table)).rejects.toMatchObject({ code: 'conflict' })
  })

  test('so a view ends when its table moves on', async () => {
    const table = await newTable(newMedium(ROWS), ROWS)
    await add(table, 'a', [1], 1)
    const view = await overlayView(table, ['a'])
    await writeRows(table, [2], 2)
    await table.snapshot()
    await expect(view.read(view.resolve(all), new Uint8Array(96))).rejects.toMatchObject({ code: 'conflict' })
  })
})

test('overlays over a table that cannot be written lie in another one', async () => {
  const baseMedium = newMedium(ROWS)
  await (await newTable(baseMedium, ROWS)).dispose()
  const base = await openRowTable({ driver: readOnly(baseMedium), mode: 'read' })

  const medium = newMedium(1)
  const overlays = await createRowTable({ driver: medium.open(), layout, rows: 0 })
  const identity = { table: base.id, content: base.content, rows: base.rows }
  await add(overlays, 'a', [1, 5], 1, { base: identity })
  await add(overlays, 'b', [5, 7], 2, { base: identity })
  expect(overlays.overlays.map((overlay) => overlay.base)).toEqual([
    { table: base.id, content: 1 },
    { table: base.id, content: 1 },
  ])

  const reader = await reopen(medium, 'read')
  expect(await viewed(base, ['a', 'b'], reader)).toEqual(changed({ 1: 1, 5: 2, 7: 2 }))
  const view = await overlayView(base, ['b'], { overlays: reader })
  expect([...view.resolve(Uint32Array.of(5, 6, 7))]).toEqual([10, 6, 11])
  await expect(view.read(Uint32Array.of(5, 99), new Uint8Array(24))).rejects.toMatchObject({ code: 'bad-input' })

  const wide = await createRowTable({
    driver: newMedium(1).open(),
    layout: { ...layout, dtype: 'f16', width: 6 },
    rows: 0,
  })
  await expect(overlayView(base, [], { overlays: wide })).rejects.toMatchObject({ code: 'bad-input' })
})
