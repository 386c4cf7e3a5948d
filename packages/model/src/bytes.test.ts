import { describe, expect, test } from 'vitest'
import { countBytes, countTrainingBytes, createModelConfig, NUMBER_DTYPES } from './index.ts'

/** 2 layers, the second with a table: 50 tokens of 24 numbers. */
const config = createModelConfig({
  vocabSize: 50,
  dim: 16,
  heads: 4,
  kvHeads: 2,
  layers: 2,
  ffnHidden: 24,
  kind: 'stem',
})

/** Rows of all matrices: embedding and head, q, k, v, o twice, then gate, up and down, gate and down. */
const matrixRows = 2 * 50 + 2 * (16 + 8 + 8 + 16) + (24 + 24 + 16) + (24 + 16)
const matrices = 16 * (2 * 50 + 2 * (16 + 8 + 8 + 16) + 5 * 24)
const gains = 16 * (2 * 2 + 1)

describe('bytes of the weights', () => {
  test('by dtype; int8 has a scale per row, and norms stay float32', () => {
    const bytes = NUMBER_DTYPES.map((dtype) => countBytes(config, dtype).backbone)
    const numbers = matrices + gains
    expect(bytes).toEqual([4 * numbers, 2 * numbers, 2 * numbers, matrices + 4 * matrixRows + 4 * gains])
  })

  test('of tables, and of the rows of one token', () => {
    expect(countBytes(config, 'bf16')).toMatchObject({ tables: 2 * 50 * 24, tokenRows: 2 * 24 })
    expect(countBytes(config, 'int8')).toMatchObject({ tables: 50 * (24 + 4), tokenRows: 24 + 4 })
    expect(countBytes({ ...config, feedForwards: ['dense', 'dense'] }, 'f32')).toMatchObject({
      tables: 0,
      tokenRows: 0,
    })
  })

  test('of keys and values: both, in 2 layers of 2 heads of 4 numbers, 8 in all', () => {
    const kv = NUMBER_DTYPES.map((dtype) => countBytes(config, dtype).kvPerToken)
    expect(kv).toEqual([8 * 4 * 4, 8 * 4 * 2, 8 * 4 * 2, 8 * (4 + 4)])
  })
})

describe('bytes that training takes', () => {
  test('two moments per number, and gradients of the rows in use', () => {
    const numbers = matrices + gains
    expect(countTrainingBytes(config, { rows: 10 })).toEqual({
      weights: { backbone: 4 * numbers, tables: 4 * 50 * 24 },
      gradients: { backbone: 4 * numbers, tables: 10 * 4 * 24 },
      optimizer: { backbone: 8 * numbers, tables: 8 * 50 * 24 },
    })
  })

  test('one number per row and layer with row-wise Adagrad', () => {
    expect(countTrainingBytes(config, { rows: 1, tableState: 'row-adagrad' }).optimizer.tables).toBe(4 * 50)
    const two = { ...config, feedForwards: ['stem', 'stem'] }
    expect(countTrainingBytes(two, { rows: 1, tableState: 'row-adagrad' }).optimizer.tables).toBe(4 * 100)
  })
})
