import { describe, expect, test } from 'vitest'
import { angularSpread } from './angular-spread.ts'
import { initialTables } from './initial-tables.ts'
import { arrayTables } from './tables.ts'
import { cosine, rowOf, smallModel, tableName, testEngine } from './testing/small-model.ts'

const { config, weights } = smallModel()
// Rows with something in common, so that the mean is not about 0.
for (const layer of [1, 2]) {
  const { data } = weights.get(tableName(layer))!
  for (let i = 0; i < data.length; i++) data[i]! += 0.5 * layer * (i % 24 < 8 ? 1 : 0)
}
const tables = arrayTables({ config }, weights)
const engine = testEngine()

/** Of all pairs, from the definition, in 64 bits. */
function reference(layer: number, ids: readonly number[]) {
  const rows = ids.map((id) => rowOf(weights.get(tableName(layer))!, id))
  const cosines = rows.flatMap((a, i) => rows.slice(i + 1).map((b) => cosine(a, b)))
  const mean = cosines.reduce((a, b) => a + b, 0) / cosines.length
  return {
    cosines,
    mean,
    std: Math.sqrt(cosines.reduce((sum, value) => sum + (value - mean) ** 2, 0) / cosines.length),
    meanAbsolute: cosines.reduce((sum, value) => sum + Math.abs(value), 0) / cosines.length,
  }
}

const everyId = Array.from({ length: 50 }, (_, i) => i)

describe('the angles between rows', () => {
  test.each([
    ['in one block', 1e6],
    ['in blocks of a few rows', 6000],
  ])('of all pairs, %s, are those of the definition', async (_, budget) => {
    const spread = await angularSpread(tables, { engine, pairs: 'all', budget })
    for (const [t, layer] of [1, 2].entries()) {
      const expected = reference(layer, everyId)
      const found = spread[t]!
      expect(found).toMatchObject({ layer, pairs: (50 * 49) / 2 })
      expect(found.mean).toBeCloseTo(expected.mean, 6)
      expect(found.std).toBeCloseTo(expected.std, 6)
      expect(found.meanAbsolute).toBeCloseTo(expected.meanAbsolute, 6)
      expect(found.min).toBeCloseTo(Math.min(...expected.cosines), 6)
      expect(found.max).toBeCloseTo(Math.max(...expected.cosines), 6)
      expect(found.mean).toBeGreaterThan(0.05 * layer)
    }
  })

  test('fall into the bins of a histogram', async () => {
    const [first] = await angularSpread(tables, { engine, pairs: 'all' })
    const { cosines } = reference(1, everyId)
    expect(first!.histogram.reduce((a, b) => a + b)).toBe(first!.pairs)
    // Counted up to 0: the 200th edge.
    const below = first!.histogram.slice(0, 200).reduce((a, b) => a + b)
    expect(below).toBe(cosines.filter((value) => value < 0).length)
  })

  test('of so many pairs are drawn by the seed, and come near those of all', async () => {
    const options = { engine, pairs: 20_000, seed: 1, budget: 50_000 }
    const [first] = await angularSpread(tables, options)
    const expected = reference(1, everyId)
    expect(first!.pairs).toBe(20_000)
    // Four standard errors.
    expect(Math.abs(first!.mean - expected.mean)).toBeLessThan((4 * expected.std) / Math.sqrt(20_000))
    expect(Math.abs(first!.std - expected.std)).toBeLessThan(0.01)
    // Blocks of another size are the same pairs.
    const again = await angularSpread(tables, { ...options, budget: 1e6 })
    expect(again[0]!.histogram).toEqual(first!.histogram)
    expect((await angularSpread(tables, { ...options, seed: 2 }))[0]!.mean).not.toBe(first!.mean)
  })

  test('are exact for sampled pairs: of two rows there is one pair', async () => {
    const found = await angularSpread(tables, { engine, pairs: 5, ids: Uint32Array.of(41, 7) })
    for (const [t, layer] of [1, 2].entries()) {
      const [only] = reference(layer, [7, 41]).cosines
      expect(found[t]!.min).toBeCloseTo(only!, 12)
      expect(found[t]!.max).toBeCloseTo(only!, 12)
    }
  })

  test('leave out rows of zeros, which have no direction', async () => {
    const other = smallModel()
    other.weights.get(tableName(1))!.data.fill(0, 0, 24)
    const spread = await angularSpread(arrayTables(other, other.weights), { engine, pairs: 'all' })
    expect(spread.map(({ pairs }) => pairs)).toEqual([(49 * 48) / 2, (50 * 49) / 2])
  })

  test('of random rows are near a right angle: a deviation of w^-1/2', async () => {
    const random = initialTables(smallModel({ ffnHidden: 256 }), { seed: 0 })
    for (const { mean, std } of await angularSpread(random, { engine, pairs: 'all' })) {
      expect(Math.abs(mean)).toBeLessThan(0.01)
      expect(std).toBeCloseTo(1 / 16, 2)
    }
  })
})

test('what makes no sense is refused', async () => {
  const refused = (options: Partial<Parameters<typeof angularSpread>[1]>) =>
    expect(angularSpread(tables, { engine, pairs: 'all', ...options })).rejects
  await refused({ ids: Uint32Array.of(3) }).toMatchObject({ code: 'bad-input' })
  await refused({ ids: Uint32Array.of(3, 50) }).toThrow('row 50 is not one of 0..49')
  await refused({ pairs: 0 }).toThrow('pairs is 0')
  await refused({ signal: AbortSignal.abort(new Error('enough')) }).toThrow('enough')
  const broken = smallModel()
  broken.weights.get(tableName(2))!.data[5] = Number.NaN
  for (const pairs of ['all', 2000] as const) {
    const found = angularSpread(arrayTables(broken, broken.weights), { engine, pairs })
    await expect(found).rejects.toMatchObject({ code: 'diverged' })
  }
})
