import { describe, expect, test } from 'vitest'
import { BATCH, SHAPES, stepFlops, zipfBatches } from './train-shape.ts'

test('a step asks for 131.7 GFLOP with STEM, 153.8 without', () => {
  expect(stepFlops(SHAPES.stem) / 1e9).toBeCloseTo(131.7, 1)
  expect(stepFlops(SHAPES.dense) / 1e9).toBeCloseTo(153.8, 1)
})

describe('batches', () => {
  test('use about 600 distinct tokens each, as text does', () => {
    for (const { inputIds } of zipfBatches(5, 1)) {
      expect(inputIds.length).toBe(BATCH.size * BATCH.length)
      const unique = new Set(inputIds).size
      expect(unique).toBeGreaterThan(550)
      expect(unique).toBeLessThan(650)
    }
  })

  test('are those of their seed', () => {
    expect(zipfBatches(2, 7)).toEqual(zipfBatches(2, 7))
    expect(zipfBatches(1, 7)).not.toEqual(zipfBatches(1, 8))
  })

  test('have the next token as the target', () => {
    const [batch] = zipfBatches(1, 3)
    const { inputIds, targets } = batch!
    const followed = targets.filter((target, i) => target === inputIds[i + 1]).length
    expect(followed).toBeGreaterThanOrEqual(BATCH.size * (BATCH.length - 1))
  })
})
