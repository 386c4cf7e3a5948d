import { packDocuments } from '@stemkit/data'
import { createModelConfig } from '@stemkit/model'
import { describe, expect, test } from 'vitest'
import { makePlan } from './make-plan.ts'
import { measurePlan } from './measure-plan.ts'
import type { Subject } from './subject.ts'

/** 2 layers, the second with a table of 10 rows of 24 numbers; sequences 1 1, 1 2, 3 3, 1 4 (and a rest). */
const subject: Subject = {
  model: createModelConfig({ vocabSize: 10, dim: 16, heads: 2, layers: 2, ffnHidden: 24, maxLength: 8, kind: 'stem' }),
  custom: {},
  rowOptimizer: 'adamw',
  batch: 2,
  length: 2,
  budget: undefined,
  text: { name: 'a text', packed: packDocuments([[1, 1, 1, 2, 3, 3, 1, 4]], { length: 2, endOfText: 0 }) },
}
const plan = await makePlan(subject)
const row = 4 * 24

describe('a plan, by hand', () => {
  test('parameters, bytes and FLOPs are those of the model', () => {
    const matrices = 2 * 10 * 16 + 2 * 4 * 16 * 16 + 5 * 16 * 24
    expect(plan.parameters).toEqual({
      total: matrices + 5 * 16 + 10 * 24,
      dense: matrices + 5 * 16,
      table: 10 * 24,
      active: matrices + 5 * 16 + 24,
    })
    expect(plan.bytes.f16).toEqual({
      backbone: 2 * (matrices + 5 * 16),
      tables: 2 * 240,
      tokenRows: 48,
      kvPerToken: 2 * 2 * 16 * 2,
    })
    expect(plan.flopsPerToken.decode).toBe(2 * (matrices - 160) + 2 * 4 * 2 * 16)
  })

  test('rows of a step of training: 1 in three of four sequences, 2, 3 and 4 in one', () => {
    expect(plan.rows!.text).toEqual({ name: 'a text', tokens: 8, distinct: 4 })
    const rows = [1.5, 1 + 3 * 0.5, 4]
    expect(plan.rows!.training).toEqual(
      [1, 2, 4].map((batch, i) => ({
        batch,
        tokens: 2 * batch,
        rows: rows[i],
        gathered: rows[i]! * row,
        moved: 2 * rows[i]! * 3 * row,
        movedPerToken: (2 * rows[i]! * 3 * row) / (2 * batch),
      })),
    )
    // Gradients of the rows of a step of two sequences.
    expect(plan.training.gradients.tables).toBe(2.5 * row)
    expect(plan.training.optimizer.tables).toBe(10 * 2 * row)
  })

  test('rows of a step of decoding: half of the tokens are 1, a quarter 3, an eighth 2 and 4', () => {
    const [one, two] = plan.rows!.decoding
    expect(one).toMatchObject({ batch: 1, rows: 1, bytes: { f32: row, int8: 24 + 4 } })
    expect(two!.rows).toBe(1 - 0.5 ** 2 + (1 - 0.75 ** 2) + 2 * (1 - 0.875 ** 2))
    expect(plan.rows!.decoding.map(({ batch }) => batch)).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256])
  })

  test('parameters loaded to decode: all of a dense layer, experts and rows as the tokens need them', () => {
    const [one, two] = plan.decodingLoads!
    expect(plan.costs).toMatchObject({ layers: [1], experts: 2 })
    const block = 3 * 16 * 24
    expect(one).toEqual({ batch: 1, experts: 1, dense: block, hash_moe: block, stem: 2 * 16 * 24 + 24 })
    // Tokens 1 and 3 (three quarters) go to one expert, 2 and 4 to the other.
    const experts = 1 - 0.75 ** 2 + (1 - 0.25 ** 2)
    expect(two).toMatchObject({ experts, dense: block, hash_moe: experts * block })
    expect(two!.stem).toBeCloseTo(2 * 16 * 24 + plan.rows!.decoding[1]!.rows * 24, 9)
  })
})

test('row-wise Adagrad keeps a number for each row and layer', async () => {
  const { training, rows } = await makePlan({ ...subject, rowOptimizer: 'rowwise-adagrad' })
  expect(training.optimizer.tables).toBe(10 * 4)
  expect(training.optimizer.tables).toBe(plan.training.optimizer.tables / (2 * 24))
  expect(rows!.trainedRowBytes).toBe(row + 4)
})

test('caches hold what fits beside their bookkeeping; one that a step does not fit has no hit rate', async () => {
  const ample = (await makePlan({ ...subject, budget: 2 ** 20 })).rows!.cache
  expect(ample).toEqual([{ budget: 2 ** 20, slots: 10, share: 1, hitRate: { lru: 1, wTinyLfu: 1 }, missedBytes: 0 }])
  expect((await makePlan({ ...subject, budget: 100 })).rows!.cache).toEqual([{ budget: 100, slots: 0, share: 0 }])
  expect(plan.rows!.cache.map(({ budget }) => budget)).toEqual([180, 360, 720, 1440])
})

test('without tables or text there are no rows to plan', async () => {
  const dense = await makePlan({ ...subject, model: { ...subject.model, feedForwards: ['dense', 'dense'] } })
  expect(dense.rows).toBeUndefined()
  expect(dense.costs!.layers).toEqual([1])
  const unread = await makePlan({ ...subject, text: undefined })
  expect(unread).toMatchObject({ parameters: plan.parameters, bytes: plan.bytes, costs: plan.costs })
  expect(unread).not.toHaveProperty('rows')
  expect(unread).not.toHaveProperty('decodingLoads')
  // Of all rows, since nobody knows better.
  expect(unread.training.gradients.tables).toBe(10 * row)
})

test('a batch that the text has too few sequences for is refused', async () => {
  await expect(makePlan({ ...subject, batch: 5 })).rejects.toThrow('a batch of 5 sequences, of which the text has 4')
})

test('what is measured is what was predicted where everything fits, and the bytes are those of whole rows', async () => {
  const options = { signal: new AbortController().signal, onProgress: () => {} }
  const [measured] = await measurePlan(subject, await makePlan({ ...subject, budget: 2 ** 20 }), options)
  expect(measured).toMatchObject({ budget: 2 ** 20, slots: 10, predicted: { rows: 2.5, hitRate: 1, bytesRead: 0 } })
  // The loader also has the rest of the text, filled up with the end of text.
  expect(measured!.measured).toMatchObject({ hitRate: 1, bytesRead: 0 })
  expect(measured!.error.hitRate).toBe(0)
  expect(await measurePlan(subject, await makePlan({ ...subject, budget: 100 }), options)).toEqual([])
})
