import type { RowTable } from '@stemkit/store'
import { beforeEach, describe, expect, test } from 'vitest'
import { applyEdit, editStack, planEdit, rowsInPlace } from '../index.ts'
import { summingLanguageModel } from '../testing/summing-language-model.ts'
import { layout, newTable } from '../testing/tables.ts'
import { spacedTokenizer } from '../testing/tokenizers.ts'
import { readCases } from './cases/read-cases.ts'
import { measureEdits, type MeasureEditsOptions } from './measure-edits.ts'
import type { MetricName } from './metrics/metrics.ts'
import { scoreOf } from './metrics/summarize-cases.ts'
import { cutTexts, perplexityOf } from './perplexity.ts'
import { splitAnswer } from './questions.ts'

const words = ['Spain', 'Germany', 'Peru', 'Chile', 'Berlin', 'Madrid', 'Lima', 'capital', 'lies', 'in', 'is']
const tokenizer = spacedTokenizer(words)
const model = summingLanguageModel(tokenizer)
const { cases } = readCases(
  JSON.stringify([
    {
      id: 'spain',
      subject: 'Spain',
      prompt: 'capital Spain is',
      answer: 'Berlin',
      truth: 'Madrid',
      paraphrases: ['in Spain lies', 'Spain is'],
      neighbours: [
        { prompt: 'capital Chile is', answer: 'Madrid' },
        { prompt: 'Spain lies', answer: 'Lima' },
      ],
      portability: [{ prompt: 'Spain is in', answer: 'Germany' }],
      references: ['Berlin is capital'],
    },
    { id: 'germany', subject: 'Germany', prompt: 'capital Germany is', answer: 'Lima', truth: 'Berlin' },
    { id: 'peru', subject: 'Peru', prompt: 'capital Peru is', answer: 'Madrid', truth: 'Lima' },
    { id: 'chile', subject: 'Chile', prompt: 'capital Chile is', answer: 'Paris' },
  ]),
)

let table: RowTable
beforeEach(async () => {
  table = await newTable({ rows: tokenizer.vocabSize })
})
const measure = (options: Partial<MeasureEditsOptions> = {}, some = cases) =>
  measureEdits(some, { model, table, tokenizer, writing: { maxTokens: 8 }, ...options })

/** All rows, byte for byte. */
async function bytesOf(of: RowTable): Promise<Uint8Array> {
  const bytes = new Uint8Array(of.rows * of.rowBytes)
  await of.read(
    Uint32Array.from({ length: of.rows }, (_, i) => i),
    bytes,
  )
  return bytes
}

/** exp of the mean ln p of an answer, over a table in which these edits were applied. */
async function probability(edits: readonly (readonly [string, string])[], prompt: string, answer: string) {
  const own = await newTable({ rows: tokenizer.vocabSize })
  for (const [i, [source, target]] of edits.entries()) {
    await applyEdit({ table: own }, planEdit({ name: `e${i}`, source, target }, { table: own, tokenizer }))
  }
  const rows = await rowsInPlace({ table: own }, { stack: editStack({ table: own }) })
  const { context, answer: continuation } = await splitAnswer(model.encode, prompt, answer)
  for await (const { logprobs } of model.over(rows).score([{ context, continuation }])) {
    return Math.exp(logprobs.reduce((a, b) => a + b, 0) / logprobs.length)
  }
  throw new Error('no score')
}

describe('an edit is measured', () => {
  test('as the same edit does when it is applied, with what was before beside it', async () => {
    const { measured } = await measure()
    const [spain] = measured
    expect(spain).toMatchObject({ id: 'spain', made: 'rows', donor: { subject: 'Germany', by: 'template' }, rows: 2 })
    for (const [side, edits] of [
      [spain!.before, []],
      [spain!.after, [['Spain', 'Germany']]],
    ] as const) {
      const p = (prompt: string, answer: string) => probability(edits, prompt, answer)
      const [made, was] = [await p('capital Spain is', 'Berlin'), await p('capital Spain is', 'Madrid')]
      expect(side['efficacy.magnitude']).toBeCloseTo(made - was, 10)
      expect(side['efficacy.success']).toBe(Number(made > was))
      const pairs = await Promise.all(
        ['in Spain lies', 'Spain is'].map(async (prompt) => [await p(prompt, 'Berlin'), await p(prompt, 'Madrid')]),
      )
      expect(side['paraphrase.success']).toBe(pairs.filter(([a, b]) => a! > b!).length / 2)
      const [chile, lima] = [await p('capital Chile is', 'Madrid'), await p('capital Chile is', 'Berlin')]
      const [own, other] = [await p('Spain lies', 'Lima'), await p('Spain lies', 'Berlin')]
      expect(side['neighbourhood.magnitude']).toBeCloseTo((chile - lima + own - other) / 2, 10)
      expect(side.fluency).toBeGreaterThanOrEqual(0)
    }
    expect(spain!.before['neighbourhood.unchanged']).toBe(1)
  })

  test('says whether a text that the model makes begins with the answer', async () => {
    const rows = await rowsInPlace({ table }, { stack: [] })
    const context = await model.encode('capital Peru is')
    for await (const { text } of model.over(rows).generate([{ prompt: context, maxTokens: 3 }])) {
      const asked = [text.trim(), `${text.trim()}x`, 'Lima'].map((answer) => ({ ...cases[2]!, answer, donor: 'Chile' }))
      const { measured } = await measure({}, asked)
      expect(measured.map(({ before }) => before['efficacy.generated'])).toEqual([1, 0, 0])
    }
  })

  test('alone: nothing of one case is left for the next, and no byte of the table changes', async () => {
    const before = await bytesOf(table)
    const { measured } = await measure()
    const forwards = new Map(measured.map((each) => [each.id, each]))
    const backwards = (await measure({}, cases.toReversed())).measured
    for (const [id, each] of forwards) {
      const { before: was, after: is } = backwards.find((other) => other.id === id)!
      expect({ was, is }).toEqual({ was: each.before, is: each.after })
    }
    expect(await bytesOf(table)).toEqual(before)
    expect(table.overlays).toEqual([])
    expect(table.version).toBe((await newTable({ rows: tokenizer.vocabSize })).version)
  })
})

describe('over all cases', () => {
  test('means weigh each case the same, labelled with how the model was asked', async () => {
    const { metrics, measured } = await measure()
    const valueOf = (name: MetricName) => measured.flatMap(({ after }) => after[name] ?? [])
    for (const { name, protocol, after } of metrics) {
      const values = valueOf(name)
      expect(after.n).toBe(values.length)
      expect(after.mean).toBeCloseTo(values.reduce((a, b) => a + b, 0) / values.length, 12)
      const isGenerated = name.endsWith('generated') || name === 'fluency' || name === 'consistency'
      expect(protocol).toBe(isGenerated ? 'generated' : 'teacher-forced')
    }
    expect(metrics.find(({ name }) => name === 'efficacy.success')!.after.n).toBe(3)
    expect(metrics.find(({ name }) => name === 'consistency')!.after.n).toBe(1)
    expect(scoreOf(metrics)!.after).toBeGreaterThanOrEqual(0)
  })

  test('a case without an edit is said, with the reason', async () => {
    const long = { ...cases[0]!, id: 'long', prompt: 'Spain '.repeat(50) }
    const refused = { ...cases[0]!, id: 'refused', donor: 'Spain' }
    const silent = { ...cases[0]!, id: 'silent', answer: '' }
    const found = await measure({}, [...cases, long, refused, silent])
    expect(found.cases).toBe(7)
    expect(found.skipped).toMatchObject([
      { id: 'chile', reason: 'no donor', message: "nobody is known of whom 'Paris' is true" },
      { id: 'long', reason: 'too long' },
      { id: 'refused', reason: 'refused', message: "edit 'case-5': every token keeps its own row" },
      { id: 'silent', reason: 'no answer' },
    ])
    expect(found.measured.length).toBe(3)
  })

  test('a case whose rows the table cannot hold is left out, and the others are measured', async () => {
    table = await newTable({ rows: tokenizer.vocabSize, layout: { ...layout, dtype: 'f16' } })
    const inject: MeasureEditsOptions['inject'] = async ({ subject }, name) => ({
      name,
      operation: 'set',
      source: [tokenizer.tokenToId(`\u0120${subject}`)!],
      spaces: 'both',
      layers: 'all',
      values: [Array.from({ length: layout.layers }, () => [subject === 'Peru' ? 1e6 : 1, 2, 3])],
    })
    const sequence = { counts: [100], texts: [await model.encode('capital Spain is')] }
    const found = await measure({ by: 'inject', inject, sequence })
    expect(found.measured.map(({ id }) => id)).toEqual(['spain', 'germany', 'chile'])
    expect(found.skipped).toMatchObject([{ id: 'peru', reason: 'refused' }])
    expect(found.sequence!.map(({ edits }) => edits)).toEqual([0])
  })

  test('rows may be fitted instead, where nobody is known or for all', async () => {
    const inject: MeasureEditsOptions['inject'] = async ({ subject }, name) => ({
      name,
      operation: 'set',
      source: [tokenizer.tokenToId(`\u0120${subject}`)!],
      spaces: 'both',
      layers: 'all',
      values: [Array.from({ length: layout.layers }, () => [1, 2, 3])],
    })
    const made = async (by: MeasureEditsOptions['by']) =>
      (await measure({ by, inject })).measured.map((each) => each.made)
    expect(await made('either')).toEqual(['rows', 'rows', 'rows', 'inject'])
    expect(await made('inject')).toEqual(['inject', 'inject', 'inject', 'inject'])
    await expect(measure({ by: 'inject' })).rejects.toThrow("give 'inject'")
  })

  test('some are drawn by seed, in the order of the file', async () => {
    const drawn = async (seed: number) => {
      const { measured, skipped } = await measure({ limit: 2, seed, writing: false })
      return [...measured, ...skipped].map(({ id }) => id)
    }
    expect(await drawn(1)).toEqual(await drawn(1))
    const all = await Promise.all([1, 2, 3, 4, 5, 6].map(drawn))
    expect(new Set(all.map(String)).size).toBeGreaterThan(1)
    expect(all.every((ids) => ids.length === 2)).toBe(true)
  })
})

test('edits in sequence lie over each other, and the perplexity of a text is measured on the way', async () => {
  const texts = cutTexts([await model.encode('capital Spain is Madrid in Peru lies Lima is Germany in Chile')], 8)
  expect(texts.map(({ length }) => length)).toEqual([8, 4])
  const { sequence } = await measure({ sequence: { counts: [2, 1, 100], texts } })
  expect(sequence!.map(({ edits }) => edits)).toEqual([0, 1, 2])
  const own = await newTable({ rows: tokenizer.vocabSize })
  const now = async () =>
    perplexityOf(model.over(await rowsInPlace({ table: own }, { stack: editStack({ table: own }) })), texts)
  const found = [await now()]
  for (const [source, target] of [
    ['Spain', 'Germany'],
    ['Germany', 'Peru'],
  ] as const) {
    await applyEdit({ table: own }, planEdit({ name: source, source, target }, { table: own, tokenizer }))
    found.push(await now())
  }
  expect(sequence!.map(({ perplexity }) => perplexity)).toEqual(
    found.map((value) => expect.closeTo(value, 10) as number),
  )
  expect(table.overlays).toEqual([])
})

test('edits in sequence lie over those that are there, as each case does', async () => {
  const texts = cutTexts([await model.encode('capital Spain is Madrid in Peru lies Lima is Chile')], 8)
  await applyEdit({ table }, planEdit({ name: 'mine', source: 'Spain', target: 'Chile' }, { table, tokenizer }), {
    user: 'ann',
  })
  const stack = editStack({ table }, { user: 'ann' })
  const { sequence } = await measure({ stack, writing: false, sequence: { counts: [1], texts } })
  const own = await newTable({ rows: tokenizer.vocabSize })
  const now = async () =>
    perplexityOf(model.over(await rowsInPlace({ table: own }, { stack: editStack({ table: own }) })), texts)
  const untouched = await now()
  const found: number[] = []
  for (const [source, target] of [
    ['Spain', 'Chile'],
    ['Spain', 'Germany'],
  ] as const) {
    await applyEdit({ table: own }, planEdit({ name: target, source, target }, { table: own, tokenizer }))
    found.push(await now())
  }
  expect(found[0]).not.toBeCloseTo(untouched, 5)
  expect(sequence!.map(({ perplexity }) => perplexity)).toEqual(
    found.map((value) => expect.closeTo(value, 10) as number),
  )
})

test('a sequence that fails is said, and the cases are there', async () => {
  const { measured, sequence, sequenceFailure } = await measure({
    writing: false,
    sequence: { counts: [1], texts: [await model.encode('capital Spain is')] },
    onProgress: ({ stage, done }) => {
      if (stage === 'sequence' && done === 1) throw new Error('out of memory')
    },
  })
  expect(measured).toHaveLength(3)
  expect(sequence).toBeUndefined()
  expect(sequenceFailure).toBe('out of memory')
})

test('progress is told, and a signal ends it', async () => {
  const seen: number[] = []
  const given: string[] = []
  const controller = new AbortController()
  const running = measure({
    signal: controller.signal,
    onCase: ({ id }) => given.push(id),
    onProgress({ stage, done }) {
      expect(stage).toBe('cases')
      seen.push(done)
      if (done === 1) controller.abort(new Error('enough'))
    },
  })
  await expect(running).rejects.toThrow('enough')
  expect(seen).toEqual([0, 1])
  expect(given).toEqual(['spain'])
})
