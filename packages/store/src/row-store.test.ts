import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createRowPlan, createRowStore, memoryRows, type RowStore } from './index.ts'

/** A store in which layer l of row id holds the values id + l / 10 + j / 1000. */
function numberedStore({ rows, layers, width }: { rows: number; layers: number; width: number }): RowStore {
  const values = Float32Array.from({ length: rows * layers * width }, (_, i) => {
    const [id, layer, j] = [Math.floor(i / (layers * width)), Math.floor(i / width) % layers, i % width]
    return id + layer / 10 + j / 1000
  })
  const driver = memoryRows({ rows, rowBytes: layers * width * 4, buffer: values })
  return createRowStore({ driver, layers, width, dtype: 'f32' })
}

describe('a row store', () => {
  test('gathers one block per layer, rows in the order of the plan', async () => {
    const store = numberedStore({ rows: 9, layers: 2, width: 3 })
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

  test('reads back what it scattered and leaves other rows alone', async () => {
    const geometry = fc.record({ layers: fc.integer({ min: 1, max: 4 }), width: fc.integer({ min: 1, max: 9 }) })
    const ids = fc.array(fc.nat(19), { maxLength: 12 })
    await fc.assert(
      fc.asyncProperty(geometry, ids, async ({ layers, width }, picked) => {
        const store = numberedStore({ rows: 20, layers, width })
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

  test('moves more rows than fit its staging buffer', async () => {
    const store = numberedStore({ rows: 40, layers: 2, width: 30_000 })
    const plan = createRowPlan(Int32Array.from({ length: 40 }, (_, id) => id))
    const blocks = new Float32Array(2 * 40 * 30_000)
    await store.gather(plan, blocks)
    for (const id of [0, 17, 18, 39]) {
      expect(blocks[id * 30_000]).toBeCloseTo(id, 3)
      expect(blocks[(40 + id) * 30_000]).toBeCloseTo(id + 0.1, 3)
    }
  })

  test('counts the rows and bytes that it moved', async () => {
    const store = numberedStore({ rows: 9, layers: 2, width: 3 })
    const plan = createRowPlan(Int32Array.of(8, 0))
    await store.gather(plan, new Float32Array(12))
    await store.scatter(plan, new Float32Array(12))
    expect(store.stats()).toEqual({
      rowsRead: 2,
      rowsWritten: 2,
      bytesRead: 48,
      bytesWritten: 48,
      bytesReordered: 96,
    })
  })

  test('says what does not fit', async () => {
    const driver = memoryRows({ rows: 4, rowBytes: 24 })
    expect(() => createRowStore({ driver, layers: 2, width: 4, dtype: 'f32' })).toThrow(
      "the driver's rows have 24 bytes, 2 layers of 4 f32 need 32",
    )
    const store = createRowStore({ driver, layers: 2, width: 3, dtype: 'f32' })
    const plan = createRowPlan(Int32Array.of(1, 2))
    await expect(store.gather(plan, new Float32Array(11))).rejects.toThrow('needs 2 x 2 x 3 values')
    await expect(store.gather(plan, new Float32Array(12), { signal: AbortSignal.abort() })).rejects.toThrow('abort')
    const readOnly = createRowStore({
      driver: { durability: 'none' as const, rows: 4, rowBytes: 24, read: driver.read, dispose: driver.dispose },
      layers: 2,
      width: 3,
      dtype: 'f32',
    })
    await expect(readOnly.scatter(plan, new Float32Array(12))).rejects.toThrow('read-only')
    await store.dispose()
    await expect(store.gather(plan, new Float32Array(12))).rejects.toThrow('disposed')
  })
})
