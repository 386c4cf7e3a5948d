import { expect, test } from 'vitest'
import { nearestRows } from './nearest-rows.ts'
import { arrayTables } from './tables.ts'
import { cosine, rowOf, smallModel, tableName, testEngine } from './testing/small-model.ts'

const engine = testEngine()
const { config, weights } = smallModel()
// Row 9 is row 30, stretched, in the first table only.
const { data } = weights.get(tableName(1))!
for (let k = 0; k < 24; k++) data[9 * 24 + k] = 3 * data[30 * 24 + k]!
const tables = arrayTables({ config }, weights)

test.each([
  ['in one block', 1e6],
  ['in blocks of a few rows', 3000],
])('the nearest rows are those of the largest cosines, %s', async (_, budget) => {
  const found = await nearestRows(tables, { engine, of: Uint32Array.of(30, 4), count: 6, budget })
  expect(found.map(({ id }) => id)).toEqual([30, 4])
  for (const { id, layers } of found) {
    for (const { layer, nearest } of layers) {
      const own = rowOf(weights.get(tableName(layer))!, id)
      const expected = Array.from({ length: 50 }, (_id, other) => ({
        id: other,
        cosine: cosine(own, rowOf(weights.get(tableName(layer))!, other)),
      }))
        .filter((each) => each.id !== id)
        .toSorted((a, b) => b.cosine - a.cosine)
        .slice(0, 6)
      expect(nearest.map((each) => each.id)).toEqual(expected.map((each) => each.id))
      for (const [i, each] of nearest.entries()) expect(each.cosine).toBeCloseTo(expected[i]!.cosine, 5)
    }
  }
  const [first, second] = found[0]!.layers
  expect(first!.nearest[0]).toEqual({ id: 9, cosine: expect.closeTo(1, 5) as number })
  expect(second!.nearest[0]!.id).not.toBe(9)
})

test('are looked for among some rows only, if one says so', async () => {
  const ids = Uint32Array.of(1, 2, 3, 30)
  const [only] = await nearestRows(tables, { engine, of: Uint32Array.of(30), ids })
  for (const { nearest } of only!.layers) expect(nearest.map(({ id }) => id).toSorted()).toEqual([1, 2, 3])
})

test('rows that are not there are refused', async () => {
  await expect(nearestRows(tables, { engine, of: Uint32Array.of(50) })).rejects.toThrow('row 50 is not one of 0..49')
})
