import { compiledEngine } from '@stemkit/compile'
import { nodeRuntime } from '@stemkit/compile/node'
import { createRowStore, type RowTable } from '@stemkit/store'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { collect, createModel, overlayRows, type Model, type RowSource } from '../index.ts'
import { readOracleCase } from '../testing/oracle-case.ts'
import { rowOf, storedTables, tablesOf } from '../testing/stored-tables.ts'

const engine = compiledEngine(nodeRuntime(), { threads: 1 })
const { config, weights, sequences } = readOracleCase('stem-half')
const tables = tablesOf(config, weights)
const prompt = sequences[0]!.slice(0, 8)
const edited = prompt[3]!
const everyId = Array.from({ length: config.vocabSize }, (_, id) => id)
const unused = everyId.find((id) => !sequences[0]!.includes(id))!
const greedy = { temperature: 0, maxTokens: 5 } as const

/** The model with the rows of a token replaced by those of another, all tables in memory. */
const editedModel = (token: number, source: number): Promise<Model> => {
  const changed = new Map(weights)
  for (const [name, { shape, data }] of weights) {
    if (!tables.includes(weights.get(name)!)) continue
    const copy = data.slice()
    const width = shape[1]!
    copy.copyWithin(token * width, source * width, (source + 1) * width)
    changed.set(name, { shape, data: copy })
  }
  return createModel({ config, weights: changed, engine })
}

let table: RowTable
let model: Model
beforeEach(async () => {
  table = await storedTables(config, weights)
  await table.addOverlay('facts', Uint32Array.of(edited), rowOf(tables, 7))
  await table.addOverlay('other', Uint32Array.of(edited), rowOf(tables, 9))
  const rows = createRowStore({ table, budget: 2 ** 20 })
  model = await createModel({
    config,
    weights,
    rows,
    engine,
    openOverlay: (names) => overlayRows(table, names, { base: rows }),
  })
})
afterEach(() => model.dispose())

const scoresOf = async (other: Model): Promise<number[]> => {
  const scores = Array.from((await other.score(sequences[0]!)).logprobs)
  await other.dispose()
  return scores
}
const close = (found: ArrayLike<number>, expected: ArrayLike<number>): void => {
  expect(found.length).toBe(expected.length)
  for (let i = 0; i < found.length; i++) expect(found[i]).toBeCloseTo(expected[i]!, 5)
}

describe('a request', () => {
  test('reads the tables of the store, and says which', async () => {
    const inMemory = await createModel({ config, weights, engine })
    expect(inMemory.tables).toBe(undefined)
    const { logprobs, tables: name } = await model.score(sequences[0]!)
    close(logprobs, await scoresOf(inMemory))
    expect(name).toBe(`${table.id}/${table.version}`)
    expect(model.tables).toBe(name)
    expect(model.stats().store).toMatchObject({ bytesRead: expect.any(Number) as number })
    expect(model.stats().store!.bytesRead).toBeGreaterThan(0)
  })

  test('may lay overlays over them, beside others that do not', async () => {
    const [own, facts, other, both] = await Promise.all([
      model.score(sequences[0]!),
      model.score(sequences[0]!, { overlay: 'facts' }),
      model.score(sequences[0]!, { overlay: ['other'] }),
      model.score(sequences[0]!, { overlay: ['other', 'facts'] }),
    ])
    close(own.logprobs, await scoresOf(await createModel({ config, weights, engine })))
    close(facts.logprobs, await scoresOf(await editedModel(edited, 7)))
    close(other.logprobs, await scoresOf(await editedModel(edited, 9)))
    close(both.logprobs, facts.logprobs)
    expect(both.tables).toBe(`${table.id}/${table.version}+other+facts`)
  })

  test('starts from nothing that other tables have made', async () => {
    const cached = async (options: object): Promise<number> =>
      (await collect(model.generate(prompt, { ...greedy, ...options }))).usage.cachedTokens
    expect(await cached({})).toBe(0)
    expect(await cached({ overlay: 'facts' })).toBe(0)
    expect(await cached({ overlay: 'facts' })).toBe(7)
    expect(await cached({})).toBe(7)
    await table.write(Uint32Array.of(1), rowOf(tables, 2))
    await table.snapshot()
    expect(await cached({})).toBe(0)
  })

  test('starts from what other overlays have made of tokens whose rows they leave alone', async () => {
    const cached = async (overlay: string | string[]): Promise<number> => {
      const { usage, tokens } = await collect(model.generate(prompt, { ...greedy, overlay }))
      model.forget()
      const alone = await collect(model.generate(prompt, { ...greedy, overlay }))
      expect(tokens).toEqual(alone.tokens)
      return usage.cachedTokens
    }
    await table.addOverlay('elsewhere', Uint32Array.of(unused), rowOf(tables, 7))
    await cached('facts')
    expect(await cached('other')).toBe(prompt.indexOf(edited))
    expect(await cached(['other', 'facts'])).toBe(prompt.indexOf(edited))
    expect(await cached(['facts', 'elsewhere'])).toBe(7)
    expect(await cached('facts')).toBe(7)
    // Made anew it has the same name, but its rows are others.
    await table.removeOverlay('facts')
    await table.addOverlay('facts', Uint32Array.of(edited), rowOf(tables, 11))
    expect(await cached('facts')).toBe(prompt.indexOf(edited))
  })

  test('lies over overlays that are there already', async () => {
    const facts = await overlayRows(table, ['facts'], { base: model.rows! })
    const both = await overlayRows(table, ['other'], { base: facts })
    const above = await overlayRows(table, ['facts', 'other'], { base: model.rows! })
    const next = prompt[4]!
    await table.addOverlay('next', Uint32Array.of(next), rowOf(tables, 11))
    const over = await overlayRows(table, ['next'], { base: facts })
    const stacked = await overlayRows(table, ['facts', 'next'], { base: model.rows! })
    for (const [one, same] of [
      [both, above],
      [over, stacked],
    ] as const) {
      close(
        (await model.score(sequences[0]!, { rows: one })).logprobs,
        Array.from((await model.score(sequences[0]!, { rows: same })).logprobs),
      )
      expect(everyId.map(one.keys.of)).toEqual(everyId.map(same.keys.of))
    }
  })

  test('names its tables while it runs', async () => {
    const generation = model.generate(prompt, { ...greedy, overlay: 'facts' })
    expect(generation.tables).toBe(undefined)
    await collect(generation)
    expect(generation.tables).toBe(`${table.id}/${table.version}+facts`)
  })

  test('is refused for an overlay that is not there, or rows of another shape', async () => {
    await expect(model.score(prompt, { overlay: 'nothing' })).rejects.toMatchObject({ code: 'not-found' })
    await expect(collect(model.generate(prompt, { overlay: 'nothing' }))).rejects.toThrow("no overlay 'nothing'")
    const rows = { ...model.rows!, rows: 5 } as RowSource
    await expect(model.score(prompt, { rows })).rejects.toThrow('the store has 5 rows')
    const inMemory = await createModel({ config, weights, engine })
    await expect(inMemory.score(prompt, { overlay: 'facts' })).rejects.toThrow('load it with a store')
    await inMemory.dispose()
  })
})

describe('a request whose rows cannot be read', () => {
  test.each([
    ['fails alone, with the reason', async () => Promise.reject(new Error('the disk is gone')), 'the disk is gone'],
    ['is no number', async (_: unknown, blocks: Float32Array) => void blocks.fill(Number.NaN), 'are no numbers'],
  ])('%s', async (_, gather, message) => {
    const broken: RowSource = { ...model.rows!, id: 'broken', gather }
    const [good, bad, other] = await Promise.allSettled([
      collect(model.generate(prompt, greedy)),
      collect(model.generate(prompt, { ...greedy, rows: broken })),
      collect(model.generate(sequences[1]!.slice(0, 5), greedy)),
    ])
    expect(bad).toMatchObject({ status: 'rejected', reason: { message: expect.stringContaining(message) as string } })
    expect(good.status).toBe('fulfilled')
    expect(other.status).toBe('fulfilled')
    expect(model.stats()).toMatchObject({ running: 0, waiting: 0 })
  })
})
