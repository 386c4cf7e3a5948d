import { compiledEngine } from '@stemkit/compile'
import { nodeRuntime } from '@stemkit/compile/node'
import {
  type EditInput,
  expandText,
  planEdit,
  planOccurrences,
  placeOccurrences,
  rowsInPlace,
  type Strategy,
} from '@stemkit/edit'
import { createModel, type Model } from '@stemkit/generate'
import { createModelConfig, initializeWeights, type NamedArray } from '@stemkit/model'
import { createRowTable, memoryRows, recordBytes } from '@stemkit/store'
import { afterAll, describe, expect, test } from 'vitest'
import { createAnswerTree } from './answer-tree.ts'
import { ask, type Reply } from './ask.ts'
import { STRATEGIES_FOR } from './efficacy.ts'
import { createReader } from './reader.ts'
import { isPossible, readingOf, untouched, type TokenEdit } from './readings.ts'

const config = createModelConfig({
  vocabSize: 50,
  dim: 16,
  layers: 3,
  heads: 2,
  ffnHidden: 24,
  maxLength: 40,
  kind: 'stem',
})
const weights = initializeWeights(config, { seed: 3, tableInit: 'unit' })
const engine = compiledEngine(nodeRuntime(), { threads: 1 })
const model = await createModel({ config, weights, engine })
const reader = await createReader({ config, weights, tokenizer: undefined }, engine)
afterAll(async () => {
  await model.dispose()
  await reader.dispose()
})

const layout = { layers: 2, width: 24, dtype: 'f32', state: 'none' } as const
const tables = [...weights].flatMap(([name, { data }]) => (name.includes('stem_table') ? [data] : []))
const rowOf = (data: Float32Array, id: number): Float32Array => data.subarray(24 * id, 24 * (id + 1))
const table = await createRowTable({
  driver: memoryRows({ rows: 50, rowBytes: recordBytes(layout) }),
  layout,
  rows: 50,
  fill: (ids, into) => {
    const rows = new Float32Array(into.buffer, into.byteOffset, into.byteLength / 4)
    ids.forEach((id, i) => tables.forEach((data, layer) => rows.set(rowOf(data, id), (2 * i + layer) * 24)))
  },
})

const prompt = [9, 3, 5, 7, 11, 8]
/** The first two begin alike, and two have tokens of the source. */
const answers = [
  [20, 21, 1],
  [20, 22, 1],
  [3, 5, 1],
  [30, 3, 31, 1],
  [40, 1],
]
const tree = createAnswerTree(answers)
const target = { equal: [13, 14, 15], more: [13, 14], fewer: [13, 14, 15, 16] }
const edit = (rest: Partial<TokenEdit>): TokenEdit => ({
  change: 'rows',
  operation: 'overwrite',
  source: [3, 5, 7],
  target: target.equal,
  strategy: 'one_to_one',
  padId: 2,
  ...rest,
})
const input = ({ operation, source, target: to, strategy, padId, layers }: TokenEdit): EditInput => {
  return { name: 'x', operation, source, target: to, strategy, padId, layers }
}

/** What the reader says of every answer. */
const asked = (each: TokenEdit): Promise<Reply[]> => {
  const reading = readingOf(reader, each)(prompt)
  return ask(
    reader,
    answers.map((_, answer) => ({ ...reading, tree, answer })),
    { signal: new AbortController().signal },
  )
}

type ScoreOptions = Parameters<Model['score']>[1]

/** The same, one answer at a time, by a model of `@stemkit/generate`. */
async function expectLike(
  replies: readonly Reply[],
  by: Model,
  before = prompt,
  options: ScoreOptions = {},
): Promise<void> {
  const scores: Awaited<ReturnType<Model['score']>>[] = []
  for (const answer of answers) scores.push(await by.score([...before, ...answer], { ...options, from: before.length }))
  const totals = scores.map(({ logprobs }) => logprobs.reduce((a, b) => a + b, 0))
  const likeliest = totals.indexOf(Math.max(...totals))
  replies.forEach(({ chosen, logprob, generated }, i) => {
    expect(logprob).toBeCloseTo(totals[i]!, 4)
    expect(chosen).toBe(likeliest)
    expect(generated).toBe(scores[i]!.best.every((token, at) => token === answers[i]![at]))
  })
}

const cases = Object.entries(STRATEGIES_FOR).flatMap(([lengths, { rows, text }]) => {
  const to = target[lengths as keyof typeof target]
  return {
    rows: rows.map((strategy) => [strategy, to] as const),
    text: text.map((strategy) => [strategy, to] as const),
  }
})
const rowCases: (readonly [Strategy, number[]])[] = cases.flatMap(({ rows }) => rows)
const textCases: (readonly [Strategy, number[]])[] = cases.flatMap(({ text }) => text)

test('an untouched prompt is read as a model reads it', async () => {
  const signal = new AbortController().signal
  const questions = answers.map((_, answer) => ({ ...untouched(prompt), tree, answer }))
  await expectLike(await ask(reader, questions, { signal }), model)
})

describe('answers are those of the edit that is planned and previewed', () => {
  test.each(rowCases)('of rows by %s, behind the prompt as well', async (strategy, to) => {
    for (const layers of [undefined, [1]]) {
      const each = edit({ strategy, target: to, ...(layers && { layers }) })
      const plan = planEdit(input(each), { table })
      const made = {
        ids: plan.rows.map(({ token }) => token),
        recipes: plan.rows,
        edit: plan.edit,
        layers: plan.layers,
      }
      await expectLike(await asked(each), model, prompt, { rows: await rowsInPlace({ table }, { stack: [], made }) })
    }
  })

  test('of rows that are swapped', async () => {
    const each = edit({ operation: 'swap', strategy: 'one_to_one', target: [8, 9, 13] })
    const plan = planEdit(input(each), { table })
    const made = { ids: plan.rows.map(({ token }) => token), recipes: plan.rows, edit: plan.edit, layers: plan.layers }
    await expectLike(await asked(each), model, prompt, { rows: await rowsInPlace({ table }, { stack: [], made }) })
  })

  test.each(rowCases)('of occurrences by %s', async (strategy, to) => {
    const each = edit({ change: 'occurrences', strategy, target: to })
    const plan = planOccurrences(input(each), prompt, { table })
    await expectLike(await asked(each), model, prompt, await placeOccurrences({ table }, plan, { stack: [] }))
  })

  test.each(textCases)('of the text by %s', async (strategy, to) => {
    const each = edit({ change: 'text', strategy, target: to })
    const plan = expandText(input(each), prompt, { table })
    const placed = await placeOccurrences({ table }, plan, { stack: [] })
    await expectLike(await asked(each), model, [...plan.inputIds], placed)
  })

  test.each(['one_to_one', 'mean'] as const)('of embeddings by %s', async (strategy) => {
    const to = strategy === 'mean' ? target.fewer : target.equal
    const name = 'model.embed_tokens.weight'
    const { shape, data } = weights.get(name)!
    const changed = data.slice()
    ;[3, 5, 7].forEach((token, i) => {
      const from = strategy === 'mean' ? to : [to[i]!]
      for (let k = 0; k < 16; k++) {
        changed[token * 16 + k] = from.reduce((sum, id) => sum + data[id * 16 + k]! / from.length, 0)
      }
    })
    const other = await createModel({
      config,
      weights: new Map<string, NamedArray>([...weights, [name, { shape, data: changed }]]),
      engine,
    })
    await expectLike(await asked(edit({ change: 'embeddings', strategy, target: to })), other)
    await other.dispose()
  })
})

test('what rows cannot express is known beforehand', () => {
  const twice = { source: [3, 5, 3] }
  expect(isPossible(reader, edit(twice))).toBe(false)
  expect(isPossible(reader, edit({ ...twice, target: [13, 14, 13] }))).toBe(true)
  expect(isPossible(reader, edit({ target: [3, 5, 7] }))).toBe(false)
})
