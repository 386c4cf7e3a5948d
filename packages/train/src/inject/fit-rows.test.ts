import '@tensorflow/tfjs-backend-cpu'
import { compiledEngine, eagerEngine, type Engine } from '@stemkit/compile'
import { nodeRuntime } from '@stemkit/compile/node'
import { applyEdit, listEdits, planEdit, rowsInPlace, undoEdit, type Edit } from '@stemkit/edit'
import { createModelConfig, listWeights, type NamedArray } from '@stemkit/model'
import { createRowStore, createRowTable, encodeRows, memoryRows, payloadBytes, recordBytes } from '@stemkit/store'
import type { RowDtype, RowTable } from '@stemkit/store'
import { memory, useBackend } from '@stemkit/tensor'
import { describe, expect, test } from 'vitest'
import { createTrainer } from '../create-trainer.ts'
import { markovLoader } from '../testing/markov-loader.ts'
import { fitRows, type FitRowsOptions } from './fit-rows.ts'
import { putRows, rowsAt } from './fitted-places.ts'
import { readRowBlock, type ReadableRows } from './row-block.ts'
import { openObjective, type Statement } from './row-objective.ts'

const engine = compiledEngine(nodeRuntime(), { threads: 1 })
const config = createModelConfig({
  dim: 16,
  layers: 4,
  heads: 2,
  ffnHidden: 24,
  vocabSize: 40,
  maxLength: 24,
  kind: 'stem',
})
/** A model that has learnt a chain of tokens, so that its rows matter for what it says. */
const all = await trained()
async function trained(): Promise<Map<string, NamedArray>> {
  const [size, length] = [4, 16]
  const trainer = await createTrainer({ config, weights: { seed: 3 }, batch: { size, length }, engine })
  const loader = markovLoader(config.vocabSize, { size, length })
  for (let i = 0; i < 120; i++) await trainer.step([await loader.next()], 1e-2)
  const weights = new Map(
    [...trainer.state().weights].map(([name, { shape, data }]) => [name, { shape, data: data.slice() }]),
  )
  await trainer.dispose()
  return weights
}
const names = [...listWeights(config)].filter(([, { role }]) => role === 'table').map(([name]) => name)
const tables = names.map((name) => all.get(name)!.data)
const weights = new Map([...all].filter(([name]) => !names.includes(name)))
const width = config.ffnHidden

/** The tables of the model as a store's, in some type. */
async function tableOf(dtype: RowDtype = 'f32'): Promise<RowTable> {
  const layout = { layers: names.length, width, dtype, state: 'none' } as const
  return createRowTable({
    driver: memoryRows({ rows: config.vocabSize, rowBytes: recordBytes(layout) }),
    layout,
    rows: config.vocabSize,
    fill(ids, into) {
      const blocks = Float32Array.from(
        tables.flatMap((table) => [...ids].flatMap((id) => [...table.subarray(id * width, (id + 1) * width)])),
      )
      encodeRows(layout, blocks, { bytes: into, stride: payloadBytes(layout) })
    },
  })
}
const rows = createRowStore({ table: await tableOf() })

/** In the chain 2 is followed by 7, and 3 by 10. */
const statements: Statement[] = [
  { ids: [1, 4, 2, 30], from: 3 },
  { ids: [5, 16, 3, 2, 30], from: 3 },
]
const neutral = [
  [8, 2, 9, 10, 11, 3, 12],
  [13, 14, 15, 16],
  [2, 17, 18],
]
const fit = (options: Partial<FitRowsOptions> = {}) =>
  fitRows({ model: { config, weights }, rows, engine, name: 'x', statements, tokens: [3, 2], ...options })

/** The model with an edit's rows in its tables. */
function withRows(edit: Edit): Map<string, NamedArray> {
  if (edit.operation !== 'set') throw new Error('not set')
  const layers = edit.layers === 'all' ? names.map((_, layer) => layer) : edit.layers
  const changed = tables.map((table) => table.slice())
  edit.source.forEach((token, f) => {
    layers.forEach((layer, l) => changed[layer]!.set(edit.values[f]![l]!, token * width))
  })
  return new Map(
    [...all].map(([name, { shape, data }]) => [name, { shape, data: changed[names.indexOf(name)] ?? data }]),
  )
}

/** Losses of the tokens behind the first, by the trainer's own graph. */
async function lossesOf(model: ReadonlyMap<string, NamedArray>, ids: readonly number[]): Promise<number[]> {
  const length = ids.length - 1
  const trainer = await createTrainer({ config, weights: model, batch: { size: 1, length }, engine })
  try {
    const losses = await trainer.losses({
      size: 1,
      length,
      inputIds: Int32Array.from(ids.slice(0, -1)),
      targets: Int32Array.from(ids.slice(1)),
      lossMask: new Float32Array(length).fill(1),
      documentIds: new Int32Array(length),
      positionIds: Int32Array.from({ length }, (_, i) => i),
    })
    return Array.from(losses)
  } finally {
    await trainer.dispose()
  }
}

describe('the gradient of the objective', () => {
  const tokens = [2, 3]
  const fitted = { tables: [names[0]!, names[2]!], places: [] as number[] }

  test.each(['compiled', 'eager'] as const)('is the slope of the objective, %s', async (kind) => {
    await useBackend('cpu')
    const before = memory().numTensors
    const engineOf: Record<typeof kind, Engine> = { compiled: engine, eager: eagerEngine() }
    const model = { config, weights }
    const block = await readRowBlock(
      model,
      rows,
      [...statements.flatMap(({ ids }) => ids), ...neutral.flat()],
      undefined,
    )
    const at = { ...fitted, places: tokens.map((token) => block.placeOf(token)) }
    const asked = neutral.map((ids) => ({ ids, at: ids.map((_, i) => i) }))
    const objective = await openObjective({
      model,
      engine: engineOf[kind],
      block,
      fitted: at,
      statements,
      neutral: asked,
      weights: { kl: 3, l2: 2 },
    })
    // At the start distance and divergence are 0 and flat, so the slope is taken elsewhere.
    const start = rowsAt(block, at)
    const here = start.map((table, t) => table.map((value, i) => value + 0.4 * Math.sin(1 + i * 1.7 + t)))
    const valueAt = async (share: number, direction: readonly Float32Array[]) => {
      putRows(
        block,
        at,
        here.map((table, t) => table.map((value, i) => value + share * direction[t]![i]!)),
      )
      return objective.compute()
    }
    const found = await valueAt(0, here)
    expect(Math.min(found.target, found.divergence, found.distance)).toBeGreaterThan(0.01)
    for (let d = 0; d < 6; d++) {
      const direction = here.map((table, t) => table.map((_, i) => Math.cos(3 * d + i * (d + 1.3) + t)))
      const slope = found.gradients.reduce(
        (sum, table, t) => sum + table.reduce((a, value, i) => a + value * direction[t]![i]!, 0),
        0,
      )
      const [up, down] = [await valueAt(5e-3, direction), await valueAt(-5e-3, direction)]
      expect(slope).toBeCloseTo((up.total - down.total) / 1e-2, 2)
      expect(Math.abs(slope)).toBeGreaterThan(0.02)
    }
    await objective.dispose()
    expect(memory().numTensors).toBe(before)
  })
})

describe('fitted rows', () => {
  test('make the model say the targets, and are an edit of these rows alone', async () => {
    const { edit, report } = await fit({ neutral, kl: 0.01, l2: 0, steps: 400, stopLoss: 0.2 })
    expect(report.reached).toBe(true)
    expect(edit).toMatchObject({ name: 'x', operation: 'set', source: [2, 3], layers: 'all' })
    const changed = withRows(edit)
    for (const [i, { ids, from }] of statements.entries()) {
      const [before, after] = [await lossesOf(all, ids), await lossesOf(changed, ids)]
      const sum = (losses: readonly number[]): number => losses.slice(from - 1).reduce((a, b) => a + b, 0)
      const found = report.statements[i]!
      expect(found.before.probability).toBeCloseTo(Math.exp(-sum(before)), 5)
      expect(found.after.probability).toBeCloseTo(Math.exp(-sum(after)), 5)
      expect(found.after.loss).toBeCloseTo(sum(after) / (ids.length - from), 4)
      expect(found.after.probability).toBeGreaterThan(0.6)
    }
    report.layers.forEach(({ layer, before, after, change }) => {
      const part = (f: number) =>
        tables[layer]!.subarray((edit.source[f] as number) * width, ((edit.source[f] as number) + 1) * width)
      const own = [0, 1].flatMap((f) => [...part(f)])
      const its = edit.operation === 'set' ? [0, 1].flatMap((f) => edit.values[f]![layer]!) : []
      expect(before).toBeCloseTo(Math.hypot(...own), 4)
      expect(after).toBeCloseTo(Math.hypot(...its), 4)
      expect(change).toBeCloseTo(Math.hypot(...own.map((value, i) => value - its[i]!)), 4)
    })
  })

  test('may be those of some layers only', async () => {
    const { edit, report } = await fit({ layers: [2, 0] })
    expect(edit).toMatchObject({ layers: [0, 2] })
    expect(report.layers.map(({ layer }) => layer)).toEqual([0, 2])
  })

  test('stay nearer to the model on neutral texts with a penalty, and to themselves', async () => {
    const options = { heldOut: neutral, steps: 40, stopLoss: 0 }
    const [free, kept, near] = await Promise.all([
      fit({ ...options, kl: 0, l2: 0 }),
      fit({ ...options, neutral, kl: 10, l2: 0 }),
      fit({ ...options, kl: 0, l2: 1 }),
    ])
    const divergence = ({ report }: typeof free): number => report.heldOut!.divergence
    const moved = ({ report }: typeof free): number => report.layers.reduce((sum, { change }) => sum + change, 0)
    expect(divergence(kept)).toBeLessThan(divergence(free) / 2)
    expect(moved(near)).toBeLessThan(moved(free) / 2)
    expect(free.report.neutral).toEqual({ texts: 0, reading: 0 })
    expect(kept.report.neutral).toEqual({ texts: 3, reading: 2 })
  })

  test('are measured on held-out texts, which change only where they read them', async () => {
    const heldOut = [
      [8, 2, 9, 10],
      [13, 14, 15, 16],
    ]
    const { edit, report } = await fit({ heldOut })
    const changed = withRows(edit)
    const mean = async (model: ReadonlyMap<string, NamedArray>): Promise<number> => {
      const losses = [...(await lossesOf(model, heldOut[0]!)), ...(await lossesOf(model, heldOut[1]!))]
      return losses.reduce((a, b) => a + b, 0) / losses.length
    }
    expect(report.heldOut).toMatchObject({ texts: 2, tokens: 6 })
    expect(report.heldOut!.perplexityBefore).toBeCloseTo(Math.exp(await mean(all)), 2)
    expect(report.heldOut!.perplexityAfter).toBeCloseTo(Math.exp(await mean(changed)), 2)
    expect(report.heldOut!.divergence).toBeGreaterThan(0)
    const untouched = await fit({ heldOut: [heldOut[1]!] })
    expect(untouched.report.heldOut).toMatchObject({ divergence: 0 })
    expect(untouched.report.heldOut!.perplexityAfter).toBe(untouched.report.heldOut!.perplexityBefore)
  })

  test('are the same bits every time', async () => {
    const [one, other] = [await fit({ neutral, steps: 8 }), await fit({ neutral, steps: 8 })]
    expect(one).toEqual(other)
  })

  test('hold behind prefixes as well', async () => {
    const prefixes = [
      [20, 21, 22],
      [23, 24],
    ]
    const spoken = statements.map(({ ids, from }) => ({ ids: [...prefixes[0]!, ...ids], from: from + 3 }))
    const { edit, report } = await fit({ prefixes, l2: 0, steps: 400, stopLoss: 0.2 })
    expect(report.reached).toBe(true)
    const { ids, from } = spoken[0]!
    const losses = (await lossesOf(withRows(edit), ids)).slice(from - 1)
    expect(Math.max(...losses)).toBeLessThan(0.8)
  })
})

describe('rows in a store', () => {
  test('only those that the texts read are fetched, no more at once than memory holds', async () => {
    const table = await tableOf()
    const store = createRowStore({ table, budget: 8 * table.rowBytes + 4096 })
    expect(store.capacity).toBeLessThan(20)
    const asked = new Set<number>()
    const counting: ReadableRows = {
      rows: store.rows,
      layout: store.layout,
      capacity: store.capacity,
      gather(plan, blocks, how) {
        plan.unique.forEach((id) => asked.add(id))
        return store.gather(plan, blocks, how)
      },
    }
    const found = await fit({ rows: counting, neutral, steps: 3 })
    expect(found).toEqual(await fit({ neutral, steps: 3 }))
    const read = [...statements.flatMap(({ ids }) => ids), ...neutral[0]!, ...neutral[2]!]
    expect([...asked].toSorted((a, b) => a - b)).toEqual([...new Set(read)].toSorted((a, b) => a - b))
  })

  test.each(['f32', 'bf16', 'int8'] as const)('of type %s get what was measured, and take it back', async (dtype) => {
    const table = await tableOf(dtype)
    const store = await rowsInPlace({ table }, { stack: [] })
    const { edit, report } = await fit({ rows: store, layers: [1], steps: 20 })
    if (edit.operation !== 'set') throw new Error('not set')
    await applyEdit({ table }, planEdit(edit, { table }))
    const read = await rowsInPlace({ table }, { stack: listEdits({ table }).map(({ overlay }) => overlay) })
    const blocks = new Float32Array(names.length * width)
    await read.gather({ unique: Uint32Array.of(2) }, blocks)
    expect([...blocks.subarray(width, 2 * width)]).toEqual(edit.values[0]![0])
    const again = await fit({ rows: read, layers: [1], steps: 0 })
    expect(again.report.statements[0]!.before.probability).toBeCloseTo(report.statements[0]!.after.probability, 5)
    await undoEdit({ table }, 'x')
    expect(listEdits({ table })).toEqual([])
  })
})

test('progress is told, and a signal ends it', async () => {
  const seen: number[] = []
  const controller = new AbortController()
  const stopping = fit({
    signal: controller.signal,
    stopLoss: 0,
    onProgress({ step }) {
      seen.push(step)
      if (step === 2) controller.abort(new Error('enough'))
    },
  })
  await expect(stopping).rejects.toThrow('enough')
  expect(seen).toEqual([0, 1, 2])
})

test.each([
  ['no statement', { statements: [] }, 'there is no statement'],
  ['a target of nothing', { statements: [{ ids: [1, 2], from: 2 }] }, 'a target of one token or more'],
  ['tokens that are not said', { tokens: [39] }, 'no statement has any of the tokens'],
  ['a layer that is not there', { layers: [7] }, 'layer 7 is not one of the'],
  ['a number out of range', { kl: -1 }, 'kl is -1, but must be a number, 0 or more'],
  ['a part of a step', { steps: 1.5 }, 'steps is 1.5, but must be a whole number'],
  ['a token that is none', { neutral: [[99]] }, 'inputIds has 99'],
])('%s is refused', async (_, options, message) => {
  await expect(fit(options)).rejects.toThrow(message)
})
