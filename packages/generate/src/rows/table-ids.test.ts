import { compiledEngine } from '@stemkit/compile'
import { nodeRuntime } from '@stemkit/compile/node'
import { createRowStore } from '@stemkit/store'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { collect, createModel, type Model, type RowSource } from '../index.ts'
import { readOracleCase } from '../testing/oracle-case.ts'
import { storedTables, tablesOf } from '../testing/stored-tables.ts'

const engine = compiledEngine(nodeRuntime(), { threads: 1 })
const { config, weights, sequences } = readOracleCase('stem-half')
const tables = tablesOf(config, weights)
const tokens = sequences[0]!
const edited = 3
const source = 7

let model: Model
beforeAll(async () => {
  const rows = createRowStore({ table: await storedTables(config, weights), budget: 2 ** 20 })
  model = await createModel({ config, weights, rows, engine, prefillChunk: 4 })
})
afterAll(() => model.dispose())

/** The rows of the model, and one more, that of `source`. */
const withExtra = (): RowSource => ({
  ...model.rows!,
  id: undefined,
  rows: config.vocabSize + 1,
  async gather({ unique }, blocks, how) {
    const { layers, width } = model.rows!.layout
    for (const [at, id] of unique.entries()) {
      const row = new Float32Array(layers * width)
      await model.rows!.gather({ unique: Uint32Array.of(id === config.vocabSize ? source : id) }, row, how)
      for (let layer = 0; layer < layers; layer++) {
        blocks.set(row.subarray(layer * width, (layer + 1) * width), (layer * unique.length + at) * width)
      }
    }
  },
})

const close = (found: ArrayLike<number>, expected: ArrayLike<number>): void => {
  expect(found.length).toBe(expected.length)
  for (let i = 0; i < found.length; i++) expect(found[i]).toBeCloseTo(expected[i]!, 5)
}

describe('table ids beside the tokens', () => {
  test('give a position another row, and leave the embedding', async () => {
    const once = tokens.map((token, at) => (at === edited ? source : token))
    const everywhere = new Map(weights)
    for (const [name, weight] of weights) {
      if (!tables.includes(weight)) continue
      const data = weight.data.slice()
      const width = weight.shape[1]!
      data.copyWithin(tokens[edited]! * width, source * width, (source + 1) * width)
      everywhere.set(name, { shape: weight.shape, data })
    }
    const other = await createModel({ config, weights: everywhere, engine })
    // Up to the token's next occurrence there is no difference between this position and all of them.
    const next = tokens.indexOf(tokens[edited]!, edited + 1)
    const end = (next < 0 ? tokens.length : next) * config.vocabSize
    const logits = await model.logits(tokens, { tableIds: once })
    close(logits.subarray(0, end), (await other.logits(tokens)).subarray(0, end))
    close(await model.logits(tokens, { tableIds: tokens }), await model.logits(tokens))
    const [scores, rewritten] = [
      await model.score(tokens, { tableIds: once }),
      await other.score(tokens.slice(0, next < 0 ? undefined : next)),
    ]
    close(scores.logprobs.subarray(0, rewritten.logprobs.length), rewritten.logprobs)
    await other.dispose()
  })

  test('may name rows beyond the vocabulary, when the rows are given', async () => {
    const extra = { rows: withExtra(), tableIds: tokens.map((token, at) => (at === edited ? config.vocabSize : token)) }
    const plain = { tableIds: tokens.map((token, at) => (at === edited ? source : token)) }
    close(await model.logits(tokens, extra), await model.logits(tokens, plain))
    await expect(model.logits(tokens, { tableIds: extra.tableIds })).rejects.toThrow(
      `table id ${config.vocabSize} at position 3; there are ${config.vocabSize} rows`,
    )
    await expect(model.logits(tokens, { rows: withExtra() })).rejects.toThrow('the store has')
  })

  test('are of their request alone: beside others, and for what starts later', async () => {
    const prompt = tokens.slice(0, 8)
    const tableIds = prompt.map((token, at) => (at === edited ? source : token))
    const greedy = { temperature: 0, maxTokens: 5 } as const
    const run = (options: object) => collect(model.generate(prompt, { ...greedy, ...options }))
    const [before, alone] = [await run({}), await run({ tableIds })]
    const [plain, placed, again] = await Promise.all([run({}), run({ tableIds }), run({ tableIds })])
    close(plain.logprobs, before.logprobs)
    for (const each of [placed, again]) {
      expect(each.tokens).toEqual(alone.tokens)
      close(each.logprobs, alone.logprobs)
      expect(each.usage.cachedTokens).toBe(0)
    }
    expect(Math.abs(alone.logprobs[0]! - before.logprobs[0]!)).toBeGreaterThan(1e-4)
  })
})
