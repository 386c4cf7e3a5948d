import { compareCosts } from '@stemkit/model'
import { describe, expect, test } from 'vitest'
import { seededRandom } from '../random.ts'
import { smallModel } from '../testing/small-model.ts'
import { measureCapacity, type CapacityKind } from './measure-capacity.ts'
import { expectedValues } from './product-key-memory.ts'

const { config } = smallModel()
const { dim, ffnHidden, vocabSize } = config
const texts = [
  [1, 1, 2, 3, 2, 4, 1, 5],
  [7, 8, 7, 9],
]

const curveOf = (kind: CapacityKind, options: Partial<Parameters<typeof measureCapacity>[0]> = {}) =>
  measureCapacity({ config, sequences: texts, ...options }).curves.find((curve) => curve.kind === kind)!

describe('the parameters that a text activates', () => {
  test('are counted at lengths up to that of the longest text', () => {
    const found = measureCapacity({ config, sequences: texts })
    expect(found).toMatchObject({ layers: [1, 2], lengths: [1, 2, 4, 8], texts: [2, 2, 2, 1] })
    expect(found.distinctTokens).toEqual([1, 1.5, 3, 5])
  })

  test('in STEM are two matrices and a row for each distinct token', () => {
    const { shared, total, active, source } = curveOf('stem')
    expect(source).toBe('counted')
    expect(shared).toBe(2 * 2 * dim * ffnHidden)
    expect(active).toEqual([1, 1.5, 3, 5].map((distinct) => shared + 2 * ffnHidden * distinct))
    expect(total).toBe(shared + 2 * ffnHidden * vocabSize)
  })

  test('in a dense model are always all', () => {
    const { active, total } = curveOf('dense')
    expect(total).toBe(2 * 3 * dim * ffnHidden)
    expect(active).toEqual([total, total, total, total])
  })

  test('in a mixture are those of the experts that the ids hash to', () => {
    // With 4 experts the hash is the id modulo 4: 1 1 2 3 2 0 1 1 and 3 0 3 1.
    const { active, total } = curveOf('hash_moe', { experts: 4 })
    const expert = 2 * 3 * dim * ffnHidden
    expect(active).toEqual([1, 1.5, 3, 4].map((distinct) => expert * distinct))
    expect(total).toBe(4 * expert)
  })

  test('agree with what the model package counts', () => {
    const costs = compareCosts(config, { length: 8 })
    for (const { kind, layer } of costs.kinds) {
      const { total, active } = curveOf(kind)
      expect(total).toBe(2 * layer.parameters)
      expect(active[0]).toBe(2 * layer.loaded)
    }
  })
})

describe('the values of a product-key memory that a text reads', () => {
  const memory = { subKeys: 16, selected: 4, heads: 2, queryWidth: 8 }

  test('are those of one token, heads apart, as expected: k + k (1 - k / K)', () => {
    expect(expectedValues(memory, 1)).toBeCloseTo(4 + 4 * (1 - 4 / 256), 10)
  })

  test.each([1, 10, 60])('are what random choices of %d tokens read on average', (tokens) => {
    const random = seededRandom(tokens)
    const rounds = 100
    let sum = 0
    for (let round = 0; round < rounds; round++) {
      const read = new Set<number>()
      for (let pick = 0; pick < tokens * memory.heads; pick++) {
        const own = new Set<number>()
        while (own.size < memory.selected) own.add(Math.floor(256 * random()))
        for (const value of own) read.add(value)
      }
      sum += read.size
    }
    // The number of distinct values has a variance below a quarter of all values; four deviations of the mean.
    expect(Math.abs(sum / rounds - expectedValues(memory, tokens))).toBeLessThan(4 * Math.sqrt(256 / 4 / rounds))
  })

  test('never are more than there are, and queries and keys are used by all', () => {
    const { active, shared, total } = curveOf('product-key memory', { memory })
    // Two layers; two heads: a query network of 8 x dim, and 16 keys of 4 numbers for each half.
    expect(shared).toBe(2 * 2 * (8 * dim + 2 * 16 * 4))
    expect(total).toBe(shared + 2 * 256 * dim)
    expect(active.every((value, i) => value <= total && value >= (active[i - 1] ?? 0))).toBe(true)
    expect(expectedValues({ ...memory, selected: 256 }, 1)).toBe(256)
    expect(expectedValues(memory, 1e6)).toBeCloseTo(256, 6)
  })
})

test('texts without tokens, ids beyond the vocabulary and lengths that no text has are refused', () => {
  const refused = (options: Partial<Parameters<typeof measureCapacity>[0]>) =>
    expect(() => measureCapacity({ config, sequences: texts, ...options }))
  refused({ sequences: [[]] }).toThrow('the texts have no tokens')
  refused({ sequences: [[50]] }).toThrow('token 50 is not one of 0..49')
  refused({ lengths: [9] }).toThrow('no text has 9 tokens; the longest has 8')
})
