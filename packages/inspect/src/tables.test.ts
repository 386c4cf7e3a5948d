import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createRowStore, encodeRows, memoryRows, payloadBytes } from '@stemkit/store'
import { fromFloat32, memorySource, toFloat32 } from '@stemkit/weights'
import { openSafetensors, saveSafetensors } from '@stemkit/weights/node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readBlock } from './blocks.ts'
import { initialTables } from './initial-tables.ts'
import { arrayTables, storeTables, tensorTables } from './tables.ts'
import { rowOf, smallModel, tableName } from './testing/small-model.ts'

const { config, weights } = smallModel()
const ids = Uint32Array.of(0, 1, 2, 7, 31, 48, 49)
const expected = [1, 2].flatMap((layer) => Array.from(ids).flatMap((id) => rowOf(weights.get(tableName(layer))!, id)))

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stemkit-inspect-'))
})
afterAll(() => rm(folder, { recursive: true }))

const read = async (tables: Parameters<typeof readBlock>[0]): Promise<number[]> => {
  const block = await readBlock(tables, ids)
  return [...block.table(0), ...block.table(1)]
}

describe("a model's tables are the same rows", () => {
  test('in memory', async () => {
    const tables = arrayTables({ config }, weights)
    expect(tables).toMatchObject({ layers: [1, 2], rows: 50, width: 24 })
    expect(await read(tables)).toEqual(expected)
  })

  test('in a safetensors file, of which only these are read', async () => {
    const path = join(folder, 'model.safetensors')
    await saveSafetensors(
      path,
      new Map([...weights].map(([name, { data, shape }]) => [name, fromFloat32(data, shape)])),
    )
    const file = await openSafetensors(path)
    const asked: number[] = []
    const counted = {
      tensors: file.tensors,
      read: (name: string, options: Parameters<typeof file.read>[1]) => {
        asked.push(options!.rows!.end - options!.rows!.begin)
        return file.read(name, options)
      },
    }
    expect(await read(tensorTables({ config }, counted))).toEqual(expected)
    await file.dispose()
    // Of each table 0 to 2, 7, 31, and 48 to 49.
    expect(asked).toEqual([3, 1, 1, 2, 3, 1, 1, 2])
  })

  test.each([undefined, 1200])('in a store of rows, with a budget of %s bytes', async (budget) => {
    const layout = { layers: 2, width: 24, dtype: 'f32', state: 'none' } as const
    const driver = memoryRows({ rows: 50, rowBytes: payloadBytes(layout) })
    const all = new Float32Array([...weights.get(tableName(1))!.data, ...weights.get(tableName(2))!.data])
    const bytes = new Uint8Array(50 * driver.rowBytes)
    encodeRows(layout, all, { bytes, stride: driver.rowBytes })
    await driver.write!(
      Uint32Array.from({ length: 50 }, (_, i) => i),
      bytes,
    )
    const store = createRowStore({ table: { ...driver, layout }, ...(budget && { budget }) })
    // Less than is asked for at once.
    if (budget) expect(store.capacity).toBeLessThan(ids.length)
    expect(await read(storeTables({ config }, store))).toEqual(expected)
    await store.dispose()
  })

  test('before training, made anew from the seed', async () => {
    expect(await read(initialTables({ config }, { seed: 3, tableInit: 'unit' }))).toEqual(expected)
    expect(await read(initialTables({ config }, { seed: 4, tableInit: 'unit' }))).not.toEqual(expected)
  })
})

test('tables in half precision are widened', async () => {
  const model = smallModel({ placement: [1] })
  const { shape, data } = model.weights.get(tableName(1))!
  const half = fromFloat32(data, shape, 'BF16')
  const rows = await readBlock(tensorTables(model, memorySource(new Map([[tableName(1), half]]))), ids)
  const expectedRows = Array.from(ids).flatMap((id) => rowOf({ shape, data: toFloat32(half) }, id))
  expect([...rows.table(0)]).toEqual(expectedRows)
  expect(Math.abs(expectedRows[0]! - data[0]!)).toBeLessThan(0.02)
})

test('what is no such model is refused in one line', () => {
  const dense = smallModel({ kind: 'dense' })
  expect(() => arrayTables(dense, dense.weights)).toThrow('this one has none')
  expect(() => arrayTables({ config }, new Map())).toThrow(`the weights have no floats '${tableName(1)}'`)
  const layout = { layers: 1, width: 24, dtype: 'f32', state: 'none' } as const
  expect(() => storeTables({ config }, { rows: 50, layout, capacity: 0, gather: async () => {} })).toThrow(
    'the store has 50 rows of 1 layers of 24, the model asks for 50 rows of 2 layers of 24',
  )
})
