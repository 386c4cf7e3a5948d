import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { openFileRows } from '@stemkit/store/node'
import { recordBytes, overlayView, createRowTable, memoryRows, openRowTable, type RowTable } from '@stemkit/store'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { applyEdit, diffEdit, editStack, exportPatch, importPatch, listEdits } from '../index.ts'
import { planEdit, undoEdit, type EditInput } from '../index.ts'
import { layout, newTable, numbersOf, ROWS } from '../testing/tables.ts'

let table: RowTable
beforeEach(async () => {
  table = await newTable()
})

type Draft = Omit<EditInput, 'name'> & { readonly name?: string }
const apply = (edit: Draft, user?: string) =>
  applyEdit({ table }, planEdit({ name: 'x', ...edit }, { table }), { user })

/** All rows as a user's requests read them. */
async function read(user?: string, overlays = table): Promise<Float32Array[]> {
  const view = await overlayView(table, editStack({ table, overlays }, { user }), { overlays })
  const bytes = new Uint8Array(ROWS * view.rowBytes)
  await view.read(view.resolve(Uint32Array.from({ length: ROWS }, (_, i) => i)), bytes)
  return Array.from({ length: ROWS }, (_, i) => new Float32Array(bytes.buffer, i * view.rowBytes, 6))
}
const expected = (changes: Record<number, ArrayLike<number>>): Float32Array[] =>
  Array.from({ length: ROWS }, (_, i) => Float32Array.from(changes[i] ?? numbersOf(i)))
const mixed = (f: (i: number) => number): number[] => Array.from({ length: 6 }, (_, i) => f(i))

describe('an applied edit', () => {
  test('swaps rows, and undone leaves every byte as it was', async () => {
    const before = await read()
    const { version, ...applied } = await apply({ operation: 'swap', source: [3], target: [1] })
    expect(version).toBe(table.version)
    expect(await read()).toEqual(expected({ 1: numbersOf(3), 3: numbersOf(1) }))
    expect(listEdits({ table })).toEqual([applied])
    expect(applied).toMatchObject({ name: 'x', overlay: 'edit/x', current: true, reads: [1, 3], writes: [1, 3] })
    expect(applied.edits).toMatchObject([{ name: 'x', operation: 'swap', source: [3], target: [1] }])
    expect((await undoEdit({ table }, 'x')).version).toBe(table.version)
    expect(await read()).toEqual(before)
    expect(listEdits({ table })).toEqual([])
  })

  test('twice swapped rows are where they were', async () => {
    await apply({ operation: 'swap', source: [3], target: [1] })
    await apply({ name: 'back', operation: 'swap', source: [3], target: [1] })
    expect(await read()).toEqual(expected({}))
  })

  test('overwrites, averages, goes between, adds and resets', async () => {
    await apply({ name: 'a', source: [3, 4], target: [1], strategy: 'padding_right', padId: 0 })
    await apply({ name: 'b', operation: 'mean', source: [5], target: [1, 2] })
    await apply({ name: 'c', operation: 'interpolate', amount: 0.25, source: [6], target: [2] })
    await apply({ name: 'd', operation: 'add', vector: [[1, 2, 3]], amount: 2, layers: [1], source: [7] })
    await apply({ name: 'e', operation: 'reset', source: [4] })
    const [one, two, six, seven] = [1, 2, 6, 7].map((id) => numbersOf(id)) as [
      Float32Array,
      Float32Array,
      Float32Array,
      Float32Array,
    ]
    expect(await read()).toEqual(
      expected({
        3: one,
        5: mixed((i) => 0.5 * one[i]! + 0.5 * two[i]!),
        6: mixed((i) => 0.75 * six[i]! + 0.25 * two[i]!),
        7: mixed((i) => seven[i]! + (i < 3 ? 0 : 2 * (i - 2))),
      }),
    )
    expect(listEdits({ table }).find(({ name }) => name === 'd')!.edits[0]).not.toHaveProperty('vector')
  })

  test('sets rows to numbers of its own, of which the listing keeps none', async () => {
    await apply({ name: 'a', operation: 'set', source: [3, 4], layers: [1], values: [[[1, 2, 3]], [[4, 5, 6]]] })
    const [three, four] = [numbersOf(3), numbersOf(4)]
    const changed = {
      3: mixed((i) => (i < 3 ? three[i]! : i - 2)),
      4: mixed((i) => (i < 3 ? four[i]! : i + 1)),
    }
    expect(await read()).toEqual(expected(changed))
    expect(listEdits({ table })[0]!.edits[0]).not.toHaveProperty('values')
    const patch = await exportPatch({ table })
    const before = await read()
    await undoEdit({ table }, 'a')
    expect(await read()).toEqual(expected({}))
    await importPatch({ table }, patch)
    expect(await read()).toEqual(before)
  })

  test('changes only the layers that it names, of rows as earlier edits left them', async () => {
    await apply({ name: 'a', source: [3], target: [1] })
    await apply({ name: 'b', source: [3], target: [2], layers: [1] })
    expect(await read()).toEqual(expected({ 3: mixed((i) => numbersOf(i < 3 ? 1 : 2)[i]!) }))
  })

  test.each(['f16', 'bf16', 'int8'] as const)(
    'copies rows of %s byte for byte, and leaves an optimiser its state',
    async (dtype) => {
      table = await newTable({ layout: { ...layout, dtype } })
      await apply({ source: [3], target: [1], layers: [1] })
      const view = await overlayView(table, editStack({ table }))
      const rows = new Uint8Array(2 * view.rowBytes)
      await view.read(view.resolve(Uint32Array.of(1, 3)), rows)
      const base = new Uint8Array(2 * view.rowBytes)
      await table.read(Uint32Array.of(1, 3), base)
      const size = dtype === 'int8' ? 3 : 6
      const at = (bytes: Uint8Array, row: number, from: number, length: number): number[] =>
        Array.from(bytes.subarray(row * view.rowBytes + from, row * view.rowBytes + from + length))
      expect(at(rows, 1, 0, size)).toEqual(at(base, 1, 0, size))
      expect(at(rows, 1, size, size)).toEqual(at(base, 0, size, size))
      if (dtype === 'int8') expect(at(rows, 1, 8, 8)).toEqual([...at(base, 1, 8, 4), ...at(base, 0, 12, 4)])
    },
  )

  test('leaves an optimiser its own state', async () => {
    table = await newTable({ layout: { ...layout, state: 'adam' } })
    await apply({ source: [3], target: [1] })
    const view = await overlayView(table, editStack({ table }))
    const row = new Uint8Array(view.rowBytes)
    await view.read(view.resolve(Uint32Array.of(3)), row)
    expect(new Float32Array(row.buffer, 0, 6)).toEqual(numbersOf(1))
    expect([...row.subarray(24)]).toEqual(Array.from({ length: view.rowBytes - 24 }, () => 4))
  })

  test('says what it did to each layer of each row', async () => {
    await apply({ name: 'a', source: [3], target: [1] })
    await apply({ name: 'b', source: [3], target: [2], layers: [1] })
    const [one, two] = [numbersOf(1), numbersOf(2)]
    const distance = Math.hypot(...[3, 4, 5].map((i) => one[i]! - two[i]!))
    const [row, ...others] = await diffEdit({ table }, 'b')
    expect(others).toEqual([])
    expect(row!.token).toBe(3)
    expect(row!.layers[0]).toMatchObject({ layer: 0, distance: 0, cosine: expect.closeTo(1, 6) as number })
    expect(row!.layers[1]).toMatchObject({
      layer: 1,
      before: expect.closeTo(Math.hypot(...one.subarray(3)), 5) as number,
      after: expect.closeTo(Math.hypot(...two.subarray(3)), 5) as number,
      distance: expect.closeTo(distance, 5) as number,
    })
  })
})

describe('edits are undone in any order, unless one was made from another', () => {
  test('what is left is as if the other had never been', async () => {
    await apply({ name: 'a', source: [3], target: [1] })
    await apply({ name: 'b', source: [4], target: [2] })
    await apply({ name: 'c', source: [3], target: [2] })
    await undoEdit({ table }, 'a')
    expect(await read()).toEqual(expected({ 3: numbersOf(2), 4: numbersOf(2) }))
    await undoEdit({ table }, 'c')
    await undoEdit({ table }, 'b')
    expect(await read()).toEqual(expected({}))
  })

  test('refused with the one that was made from it', async () => {
    await apply({ name: 'a', source: [3], target: [1] })
    await apply({ name: 'b', source: [4], target: [3] })
    const before = await read()
    await expect(undoEdit({ table }, 'a')).rejects.toMatchObject({
      code: 'conflict',
      message: "edit 'a' cannot be undone: 'b' was made from row 3 as it is now; undo that one first",
    })
    expect(await read()).toEqual(before)
    await undoEdit({ table }, 'b')
    await undoEdit({ table }, 'a')
  })
})

describe("a user's edits lie over everybody's", () => {
  test('and nobody else sees them', async () => {
    await apply({ name: 'all', source: [3], target: [1] })
    await apply({ name: 'mine', source: [4], target: [3] }, 'ann')
    await apply({ name: 'mine', source: [3], target: [2] }, 'bob')
    expect(await read()).toEqual(expected({ 3: numbersOf(1) }))
    expect(await read('ann')).toEqual(expected({ 3: numbersOf(1), 4: numbersOf(1) }))
    expect(await read('bob')).toEqual(expected({ 3: numbersOf(2) }))
    expect(await read('eve')).toEqual(await read())
    expect(editStack({ table }, { user: 'ann' })).toEqual(['edit/all', 'edit/ann/mine'])
  })

  test('so what a user built on is not changed under it', async () => {
    await apply({ name: 'mine', source: [4], target: [3] }, 'ann')
    await expect(apply({ name: 'all', source: [3], target: [1] })).rejects.toThrow(
      "edit 'all' cannot be applied: 'mine' of user 'ann' was made from row 3",
    )
    await apply({ name: 'all', source: [5], target: [1] })
    expect(await read('ann')).toEqual(expected({ 4: numbersOf(3), 5: numbersOf(1) }))
  })
})

test('an edit is refused where there is one of its name, or none', async () => {
  await apply({ source: [3], target: [1] })
  await expect(apply({ source: [4], target: [1] })).rejects.toThrow("there is an edit 'x' already")
  await expect(undoEdit({ table }, 'y')).rejects.toThrow("no edit 'y'; there are 'x'")
  await expect(undoEdit({ table }, 'x', { user: 'ann' })).rejects.toMatchObject({ code: 'not-found' })
  await expect(apply({ source: [4], target: [1] }, 'a b')).rejects.toMatchObject({ code: 'bad-input' })
  await expect(
    apply({
      name: 'y',
      operation: 'add',
      source: [4],
      vector: [
        [1e39, 0, 0],
        [0, 0, 0],
      ],
    }),
  ).rejects.toThrow('not finite')
  expect(listEdits({ table })).toHaveLength(1)
})

test('overlapping calls take effect one after the other', async () => {
  await Promise.all([
    apply({ name: 'a', source: [3], target: [1] }),
    apply({ name: 'b', source: [4], target: [3] }),
    undoEdit({ table }, 'b'),
    apply({ name: 'c', source: [5], target: [3] }),
  ])
  expect(await read()).toEqual(expected({ 3: numbersOf(1), 5: numbersOf(1) }))
})

test('edits outlive the process, and end where the rows below have moved on', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'stem-edit-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const url = pathToFileURL(join(folder, 'rows')).href
  table = await newTable({ driver: await openFileRows(url, { create: { rows: ROWS, rowBytes: recordBytes(layout) } }) })
  await apply({ source: [3], target: [1] })
  await table.dispose()
  table = await openRowTable({ driver: await openFileRows(url), mode: 'write' })
  expect(await read()).toEqual(expected({ 3: numbersOf(1) }))
  await table.write(Uint32Array.of(9), new Uint8Array(numbersOf(0).buffer))
  await table.snapshot()
  expect(listEdits({ table })).toMatchObject([{ name: 'x', current: false }])
  expect(await read()).toEqual(expected({ 9: numbersOf(0) }))
  await undoEdit({ table }, 'x')
  expect(listEdits({ table })).toEqual([])
  await table.dispose()
})

test('edits of a table that cannot be written lie in another one', async () => {
  const overlays = await createRowTable({
    driver: memoryRows({ rows: 1, rowBytes: recordBytes(layout) }),
    layout,
    rows: 0,
  })
  const plan = planEdit({ name: 'x', source: [3], target: [1] }, { table })
  await applyEdit({ table, overlays }, plan)
  expect(table.overlays).toEqual([])
  expect(await read(undefined, overlays)).toEqual(expected({ 3: numbersOf(1) }))
  await undoEdit({ table, overlays }, 'x')
  expect(await read(undefined, overlays)).toEqual(expected({}))
})
