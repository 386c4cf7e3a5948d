import { Matrix, SingularValueDecomposition } from 'ml-matrix'
import { describe, expect, test } from 'vitest'
import { effectiveRank } from './effective-rank.ts'
import { arrayTables } from './tables.ts'
import { rowOf, smallModel, tableName, testEngine } from './testing/small-model.ts'

const engine = testEngine()
const { config, weights } = smallModel()
const rowsOfLayer = (layer: number): number[][] =>
  Array.from({ length: 50 }, (_, id) => rowOf(weights.get(tableName(layer))!, id))

/** From the singular values of the table itself, not of a Gram matrix. */
function reference(rows: number[][]) {
  const values = new SingularValueDecomposition(new Matrix(rows)).diagonal
  const total = values.reduce((a, b) => a + b)
  const squares = values.reduce((sum, s) => sum + s ** 2, 0)
  return {
    participation: squares ** 2 / values.reduce((sum, s) => sum + s ** 4, 0),
    entropy: Math.exp(-values.reduce((sum, s) => sum + (s > 0 ? (s / total) * Math.log(s / total) : 0), 0)),
  }
}

function centred(rows: number[][]): number[][] {
  const mean = rows[0]!.map((_, k) => rows.reduce((sum, row) => sum + row[k]!, 0) / rows.length)
  return rows.map((row) => row.map((value, k) => value - mean[k]!))
}

describe('the effective rank', () => {
  test.each([
    ['in one block', 1e6],
    ['in blocks of a few rows', 3000],
  ])('is that of the singular values, %s', async (_, budget) => {
    const found = await effectiveRank(arrayTables({ config }, weights), { engine, budget })
    expect(found.map(({ layer }) => layer)).toEqual([1, 2])
    for (const { layer, participation, entropy, centred: inner } of found) {
      const expected = reference(rowsOfLayer(layer))
      expect(participation).toBeCloseTo(expected.participation, 4)
      expect(entropy).toBeCloseTo(expected.entropy, 4)
      const expectedInner = reference(centred(rowsOfLayer(layer)))
      expect(inner.participation).toBeCloseTo(expectedInner.participation, 4)
      expect(inner.entropy).toBeCloseTo(expectedInner.entropy, 4)
    }
  })

  test('is 1 for rows along one line, and k for k directions of equal weight', async () => {
    const model = smallModel()
    const [line, three] = [1, 2].map((layer) => model.weights.get(tableName(layer))!.data)
    line!.forEach((_, i) => (line![i] = (1 + Math.floor(i / 24)) * ((i % 24) - 7)))
    three!.fill(0)
    for (let id = 0; id < 48; id++) three![id * 24 + 5 * (id % 3)] = id % 2 === 0 ? 1 : -1
    const [first, second] = await effectiveRank(arrayTables(model, model.weights), { engine })
    expect([first!.participation, first!.entropy]).toEqual([expect.closeTo(1, 5), expect.closeTo(1, 5)])
    expect([second!.participation, second!.entropy]).toEqual([expect.closeTo(3, 5), expect.closeTo(3, 5)])
  })

  test('has no entropy where the table is wider than was asked for, and is 0 for zeros', async () => {
    const model = smallModel()
    model.weights.get(tableName(1))!.data.fill(0)
    const tables = arrayTables(model, model.weights)
    expect((await effectiveRank(tables, { engine }))[0]).toMatchObject({ participation: 0, entropy: 0 })
    const [, second] = await effectiveRank(tables, { engine, maxWidth: 23 })
    expect(second!.entropy).toBeUndefined()
    expect(second!.participation).toBeGreaterThan(10)
  })
})
