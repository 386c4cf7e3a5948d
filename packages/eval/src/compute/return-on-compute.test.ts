import { describe, expect, it } from 'vitest'
import { chanceAccuracy, returnOnCompute } from './return-on-compute.ts'

describe('returnOnCompute', () => {
  const dense = { name: 'dense', accuracy: 0.4972, flops: 2e20 }
  const stem = { name: 'stem', accuracy: 0.5343, flops: 1.615e20 }

  it("is accuracy per operation, and reproduces the paper's 1.33 for the model whose layers are all STEM", () => {
    const [base, better] = returnOnCompute([dense, stem])
    expect(base).toEqual({ ...dense, perExaflop: 0.4972 / 200, relative: 1 })
    expect(better?.relative).toBeCloseTo(1.33, 2)
  })

  it('counts what is above chance where chance is known', () => {
    const [, better] = returnOnCompute([
      { ...dense, chance: 0.25 },
      { ...stem, chance: 0.25 },
    ])
    expect(better?.relative).toBeCloseTo((0.2843 / 0.2472) * (2 / 1.615), 12)
  })

  it('does not depend on the unit of compute, but on the baseline', () => {
    const scaled = returnOnCompute([
      { ...dense, flops: 2 },
      { ...stem, flops: 1.615 },
    ])
    expect(scaled[1]?.relative).toBeCloseTo(returnOnCompute([dense, stem])[1]?.relative ?? 0, 12)
    expect(returnOnCompute([dense, stem], 'stem')[1]?.relative).toBe(1)
  })

  it('has no ratio to a run that is no better than chance', () => {
    expect(returnOnCompute([{ ...dense, chance: 0.4972 }, stem])[1]?.relative).toBeNull()
    expect(returnOnCompute([])).toEqual([])
  })

  it('refuses what is no accuracy, no amount of compute and no baseline', () => {
    expect(() => returnOnCompute([{ ...dense, flops: 0 }])).toThrow('run dense: its training took 0 operations')
    expect(() => returnOnCompute([{ ...dense, accuracy: 49.72 }])).toThrow('must be from 0 to 1')
    expect(() => returnOnCompute([dense], 'other')).toThrow('the baseline other is not among the runs (dense)')
  })
})

describe('chanceAccuracy', () => {
  it('is the mean of one over the number of choices', () => {
    expect(chanceAccuracy([2, 4])).toBe(0.375)
  })
})
