import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createRowPlan, createRowStore, memoryRows, type RowStore } from './index.ts'
import { payloadBytes, type RowLayout } from './layout.ts'

interface Numbered {
  readonly rows: number
  readonly layers: number
  readonly width: number
  readonly budget?: number
}

/** A store in which layer l of row id holds the values id + l / 10 + j / 1000. */
function numberedStore({ rows, layers, width, budget }: Numbered): RowStore {
  const values = Float32Array.from({ length: rows * layers * width }, (_, i) => {
    const [id, layer, j] = [Math.floor(i / (layers * width)), Math.floor(i / width) % layers, i % width]
    return id + layer / 10 + j / 1000
  })
  const layout = { layers, width, dtype: 'f32', state: 'none' } as const
  const driver = memoryRows({ rows, rowBytes: layers * width * 4, buffer: values })
  return createRowStore({ table: { ...driver, layout }, ...(budget === undefined ? {} : { budget }) })
}

const emptyTable = (rows: number, layout: RowLayout) => ({
  ...memoryRows({ rows, rowBytes: payloadBytes(layout) }),
  layout,
})

const ways = [
  ['that keeps nothing in memory', undefined],
  ['with a cache', 2 ** 20],
] as const

describe.each(ways)('a row store %s', (_way, budget) => {
  test('gathers one block per layer, rows in the order of the plan', async () => {
    const store = numberedStore({ rows: 9, layers: 2, width: 3, ...(budget ? { budget } : {}) })
    const plan = createRowPlan(Int32Array.of(4, 1, 4), { rows: 9 })
    const blocks = new Float32Array(2 * 2 * 3)
    await store.gather(plan, blocks)
    expect([...blocks].map((x) => Number(x.toFixed(3)))).toEqual(
      [
        [1, 1.001, 1.002],
        [4, 4.001, 4.002],
        [1.1, 1.101, 1.102],
        [4.1, 4.101, 4.102],
      ].flat(),
    )
  })

  test.each([1, 2])('gathers to places among others, of %i layers', async (layers) => {
    const store = numberedStore({ rows: 9, layers, width: 3, ...(budget ? { budget } : {}) })
    const whole = new Float32Array(layers * 4 * 3)
    await store.gather({ unique: Uint32Array.of(0, 2, 5, 7) }, whole)
    const parts = new Float32Array(whole.length)
    await store.gather({ unique: Uint32Array.of(2, 5) }, parts, { places: Uint32Array.of(1, 2) })
    await store.gather({ unique: Uint32Array.of(0, 7) }, parts, { places: Uint32Array.of(0, 3) })
    expect(parts).toEqual(whole)
    const places = Uint32Array.of(0)
    const two = { unique: Uint32Array.of(1, 2) }
    await expect(store.gather(two, parts, { places })).rejects.toThrow('gather of 2 rows to 1 places')
    const beyond = { places: Uint32Array.of(0, 4) }
    await expect(store.gather(two, parts, beyond)).rejects.toMatchObject({ code: 'bad-input' })
  })

  test('reads back what it scattered and leaves other rows alone', async () => {
    const geometry = fc.record({ layers: fc.integer({ min: 1, max: 4 }), width: fc.integer({ min: 1, max: 9 }) })
    const ids = fc.array(fc.nat(19), { maxLength: 12 })
    await fc.assert(
      fc.asyncProperty(geometry, ids, async ({ layers, width }, picked) => {
        const store = numberedStore({ rows: 20, layers, width, ...(budget ? { budget } : {}) })
        const all = createRowPlan(Int32Array.from({ length: 20 }, (_, id) => id))
        const before = new Float32Array(layers * 20 * width)
        await store.gather(all, before)

        const plan = createRowPlan(Int32Array.from(picked))
        const blocks = Float32Array.from({ length: layers * plan.unique.length * width }, (_, i) => -1 - i)
        await store.scatter(plan, blocks)
        const again = new Float32Array(blocks.length)
        await store.gather(plan, again)
        expect(again).toEqual(blocks)

        const after = new Float32Array(before.length)
        await store.gather(all, after)
        const changed = new Set<number>()
        after.forEach((value, i) => value !== before[i] && changed.add(Math.floor(i / width) % 20))
        expect([...changed].toSorted((a, b) => a - b)).toEqual([...plan.unique])
      }),
    )
  })

  test('moves more rows at once than a buffer holds', async () => {
    const store = numberedStore({ rows: 40, layers: 2, width: 30_000, ...(budget ? { budget: 32 * budget } : {}) })
    const plan = createRowPlan(Int32Array.from({ length: 40 }, (_, id) => id))
    const blocks = new Float32Array(2 * 40 * 30_000)
    await store.gather(plan, blocks)
    for (const id of [0, 17, 18, 39]) {
      expect(blocks[id * 30_000]).toBeCloseTo(id, 3)
      expect(blocks[(40 + id) * 30_000]).toBeCloseTo(id + 0.1, 3)
    }
  })

  test('keeps the state of the optimiser when values are replaced', async () => {
    const layout = { layers: 2, width: 3, dtype: 'f32', state: 'adam' } as const
    const table = emptyTable(4, layout)
    const bytes = new Float32Array(18).fill(7)
    await table.write!(Uint32Array.of(2), new Uint8Array(bytes.buffer))
    const store = createRowStore({ table, ...(budget ? { budget } : {}) })
    await store.scatter({ unique: Uint32Array.of(2) }, new Float32Array(6).fill(1))
    await store.flush()
    const row = new Float32Array(18)
    await table.read(Uint32Array.of(2), new Uint8Array(row.buffer))
    expect([...row]).toEqual([...Array(6).fill(1), ...Array(12).fill(7)])
    await store.dispose()
  })

  test.each(['f16', 'bf16', 'int8'] as const)('delivers rows of %s as float32', async (dtype) => {
    const layout = { layers: 2, width: 4, dtype, state: 'none' } as const
    const store = createRowStore({ table: emptyTable(5, layout), ...(budget ? { budget } : {}) })
    const plan = { unique: Uint32Array.of(1, 4) }
    const values = Float32Array.from({ length: 16 }, (_, i) => (i - 8) / 8)
    await store.scatter(plan, values)
    const back = new Float32Array(16)
    await store.gather(plan, back)
    back.forEach((value, i) => expect(Math.abs(value - values[i]!)).toBeLessThan(0.005))
    await store.dispose()
  })

  test('says what does not fit', async () => {
    const layout = { layers: 2, width: 3, dtype: 'f32', state: 'none' } as const
    const table = emptyTable(4, layout)
    expect(() => createRowStore({ table: { ...table, layout: { ...layout, width: 4 } } })).toThrow(
      "rows of 24 bytes, but 2 layers of 4 f32 with state 'none' take 32",
    )
    const store = createRowStore({ table, ...(budget ? { budget } : {}) })
    const plan = createRowPlan(Int32Array.of(1, 2))
    await expect(store.gather(plan, new Float32Array(11))).rejects.toThrow('needs 2 x 2 x 3 values')
    await expect(store.gather(plan, new Float32Array(12), { signal: AbortSignal.abort() })).rejects.toThrow('abort')
    await expect(store.snapshot()).rejects.toMatchObject({ code: 'unsupported' })
    await store.dispose()
    await expect(store.gather(plan, new Float32Array(12))).rejects.toThrow('disposed')

    const { write: _, ...readOnlyTable } = emptyTable(4, layout)
    const readOnly = createRowStore({ table: readOnlyTable, ...(budget ? { budget } : {}) })
    await expect(readOnly.scatter(plan, new Float32Array(12))).rejects.toThrow('read-only')
    await readOnly.dispose()
  })
})

test('without a cache a store counts what passes, and holds no rows', async () => {
  const store = numberedStore({ rows: 9, layers: 2, width: 3 })
  const plan = createRowPlan(Int32Array.of(8, 0))
  await store.gather(plan, new Float32Array(12))
  await store.scatter(plan, new Float32Array(12))
  expect(store.stats()).toEqual({ rowsRead: 2, rowsWritten: 2, bytesRead: 48, bytesWritten: 48 })
  expect(store.capacity).toBe(0)
  await expect(store.lease(plan)).rejects.toThrow('give the store a budget')
})

test('with a cache a store reads a row once, and writes what changed when it is flushed', async () => {
  const store = numberedStore({ rows: 9, layers: 2, width: 3, budget: 2 ** 20 })
  const plan = createRowPlan(Int32Array.of(8, 0))
  await store.gather(plan, new Float32Array(12))
  await store.gather(plan, new Float32Array(12))
  await store.scatter(plan, new Float32Array(12))
  expect(store.stats()).toMatchObject({ rowsRead: 2, rowsWritten: 0, cache: { hits: 4, misses: 2, dirty: 2 } })
  await store.flush()
  expect(store.stats()).toMatchObject({ rowsWritten: 2, bytesWritten: 48, cache: { dirty: 0 } })
})

test('rows of a lease are changed in place', async () => {
  const store = numberedStore({ rows: 9, layers: 2, width: 3, budget: 2 ** 20 })
  const plan = createRowPlan(Int32Array.of(3, 5))
  const lease = await store.lease(plan)
  new Float32Array(lease.bytes.buffer, lease.bytes.byteOffset + lease.slots[1]! * lease.stride, 6).fill(-1)
  lease.release({ changed: Uint8Array.of(0, 1) })
  const blocks = new Float32Array(12)
  await store.gather(plan, blocks)
  expect(blocks[0]).toBe(3)
  expect([...blocks.subarray(3, 6), ...blocks.subarray(9, 12)]).toEqual(Array(6).fill(-1))
  await store.dispose()
})
