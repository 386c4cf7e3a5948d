import '@tensorflow/tfjs-backend-cpu'
import { compiledEngine, eagerEngine, type Engine } from '@stemkit/compile'
import { nodeRuntime } from '@stemkit/compile/node'
import type { Batch } from '@stemkit/data'
import { createModelConfig } from '@stemkit/model'
import { StemkitError } from '@stemkit/spec/errors'
import { memory, useBackend } from '@stemkit/tensor'
import { expect, test } from 'vitest'
import { createTrainer } from './create-trainer.ts'
import type { ModelTrainer, TrainerOptions } from './trainer-options.ts'
import { spawnWorker } from './node.ts'
import type { NamedArray } from './trainer.ts'

const config = createModelConfig({
  dim: 16,
  layers: 3,
  heads: 2,
  ffnHidden: 24,
  vocabSize: 40,
  maxLength: 8,
  kind: 'stem',
})
const compiled = compiledEngine(nodeRuntime(), { threads: 1 })
const TABLE = 'model.layers.1.mlp.stem_table.weight'

const open = (options: Partial<TrainerOptions> = {}): Promise<ModelTrainer> =>
  createTrainer({ config, weights: { seed: 3 }, batch: { size: 2, length: 8 }, engine: compiled, ...options })

/** Ids below `limit` that depend on the seed only. */
function batchOf(seed: number, { size = 2, limit = 40, masked = 0 } = {}): Batch {
  const n = size * 8
  const id = (i: number): number => (Math.imul(i + 1, 2654435761) + Math.imul(seed + 1, 40503)) >>> 0
  return {
    size,
    length: 8,
    inputIds: Int32Array.from({ length: n }, (_, i) => id(i) % limit),
    targets: Int32Array.from({ length: n }, (_, i) => id(i + 1) % limit),
    lossMask: Float32Array.from({ length: n }, (_, i) => (i < masked ? 0 : 1)),
    documentIds: new Int32Array(n),
    positionIds: Int32Array.from({ length: n }, (_, i) => i % 8),
  }
}

const copies = (arrays: ReadonlyMap<string, NamedArray>): Map<string, number[]> =>
  new Map([...arrays].map(([name, { data }]) => [name, Array.from(data)]))

async function curve(trainer: ModelTrainer, steps = 6): Promise<number[]> {
  const losses: number[] = []
  for (let i = 0; i < steps; i++) losses.push((await trainer.step([batchOf(i)], 1e-2)).loss)
  return losses
}

test('the same seed gives the same curve bit for bit, on any number of optimiser threads', async () => {
  const reference = await open()
  const wanted = await curve(reference)
  expect(wanted.at(-1)).toBeLessThan(wanted[0]!)
  for (const options of [{}, { spawnWorker, threads: 1 }, { spawnWorker, threads: 2 }]) {
    const trainer = await open(options)
    expect(await curve(trainer)).toEqual(wanted)
    expect(copies(trainer.state().weights)).toEqual(copies(reference.state().weights))
    await trainer.dispose()
  }
  await reference.dispose()
})

test('the eager engine takes the same steps, and leaves no tensor behind', async () => {
  await useBackend('cpu')
  const before = memory().numTensors
  const [eager, other] = [await open({ engine: eagerEngine() }), await open()]
  const [a, b] = [await curve(eager, 3), await curve(other, 3)]
  a.forEach((loss, i) => expect(Math.abs(loss - b[i]!)).toBeLessThan(1e-5))
  expect(memory().numTensors).toBe(before)
  await Promise.all([eager.dispose(), other.dispose()])
})

test('lazy moves the rows that a step used and no other, in weights and in both moments', async () => {
  const trainer = await open()
  await trainer.step([batchOf(0)], 1e-2)
  const before = trainer.state()
  const rows = [before.weights, before.moments, before.squares].map((arrays) => arrays.get(TABLE)!.data.slice())
  const batch = batchOf(1, { limit: 7 })
  const { uniqueRows, bytesCopied } = await trainer.step([batch], 1e-2)
  const used = new Set(batch.inputIds)
  expect(uniqueRows).toBe(used.size)
  expect(bytesCopied).toBe(used.size * 2 * 24 * 4)
  const after = trainer.state()
  const now = [after.weights, after.moments, after.squares].map((arrays) => arrays.get(TABLE)!.data)
  for (const [i, values] of now.entries()) {
    for (let id = 0; id < 40; id++) {
      const same = values.subarray(id * 24, (id + 1) * 24).every((value, j) => value === rows[i]![id * 24 + j])
      expect(same, `row ${id}`).toBe(!used.has(id))
    }
  }
  await trainer.dispose()
})

test('the same seed gives the same bits on several threads of the graph, where one token is most of a batch', async () => {
  const engine = compiledEngine(nodeRuntime(), { threads: 4 })
  const batch = { size: 64, limit: 3 }
  const curves = []
  for (let run = 0; run < 2; run++) {
    const trainer = await open({ engine, batch: { size: 64, length: 8 }, spawnWorker, threads: 3 })
    const steps = []
    for (let i = 0; i < 4; i++) steps.push(await trainer.step([batchOf(i, batch)], 1e-2))
    curves.push({ steps, weights: copies(trainer.state().weights) })
    await trainer.dispose()
  }
  expect(curves[1]).toEqual(curves[0])
})

/** As an engine that adds up gradients of rows in the graph. */
const summing: Engine = { name: 'summing', load: (fn, inputs) => compiled.load(fn, inputs) }

test.each(['lazy', 'dense', 'official'] as const)(
  'gradients of rows are the same, summed in the graph and beside it (%s)',
  async (treatment) => {
    const [inside, beside] = [await open({ engine: summing, treatment }), await open({ treatment })]
    // The second batch has other tokens: nothing is left of the first.
    for (const batch of [batchOf(1), batchOf(2, { limit: 5 })]) {
      const [a, b] = [await inside.gradients(batch), await beside.gradients(batch)]
      expect(b.loss).toBe(a.loss)
      for (const [name, { data }] of a.gradients) {
        data.forEach((value, i) => expect(Math.abs(value - b.gradients.get(name)!.data[i]!), name).toBeLessThan(1e-6))
      }
    }
    await Promise.all([inside.dispose(), beside.dispose()])
  },
)

test.each(
  (['lazy', 'dense', 'official'] as const).flatMap((treatment) => [
    { treatment, engine: compiled },
    { treatment, engine: summing },
  ]),
)(
  'two micro-batches with different masks are one batch of twice the size ($treatment, $engine.name)',
  async ({ treatment, engine }) => {
    const whole = batchOf(5, { size: 4, masked: 5 })
    const half = (at: number): Batch => {
      const part = <T extends Int32Array | Float32Array>(values: T): T => values.slice(at * 16, (at + 1) * 16) as T
      const { inputIds, targets, lossMask, documentIds, positionIds } = whole
      return {
        size: 2,
        length: 8,
        inputIds: part(inputIds),
        targets: part(targets),
        lossMask: part(lossMask),
        documentIds: part(documentIds),
        positionIds: part(positionIds),
      }
    }
    const [one, two] = [
      await open({ batch: { size: 4, length: 8 }, treatment, engine }),
      await open({ accumulate: 2, treatment, engine }),
    ]
    const [a, b] = [await one.step([whole], 1e-2), await two.step([half(0), half(1)], 1e-2)]
    expect(Math.abs(a.loss - b.loss)).toBeLessThan(1e-6)
    expect(Math.abs(a.gradNorm - b.gradNorm)).toBeLessThan(1e-5)
    const moved = two.state().moments
    for (const [name, { data }] of one.state().moments) {
      data.forEach((value, i) => expect(Math.abs(value - moved.get(name)!.data[i]!), name).toBeLessThan(1e-6))
    }
    await Promise.all([one.dispose(), two.dispose()])
  },
)

test('a restored state goes on bit for bit', async () => {
  const whole = await open()
  await curve(whole, 3)
  const { steps, weights, moments, squares } = whole.state()
  const kept = (arrays: ReadonlyMap<string, NamedArray>): Map<string, NamedArray> =>
    new Map([...arrays].map(([name, { shape, data }]) => [name, { shape, data: data.slice() }]))
  const saved = { steps, weights: kept(weights), moments: kept(moments), squares: kept(squares) }
  const wanted = await curve(whole, 3)
  const resumed = await open({ weights: { seed: 99 } })
  resumed.restore(saved)
  expect(resumed.steps).toBe(3)
  expect(await curve(resumed, 3)).toEqual(wanted)
  await Promise.all([whole.dispose(), resumed.dispose()])
})

test('a state that does not fit is refused whole', async () => {
  const trainer = await open()
  await curve(trainer, 1)
  const before = trainer.state()
  const [weights, moments] = [copies(before.weights), copies(before.moments)]
  const zeros = new Map(
    [...before.weights].map(([name, { shape, data }]) => [name, { shape, data: data.map(() => 0) }]),
  )
  const lacking = new Map([...zeros].slice(1))
  const state = { steps: 9, weights: zeros, moments: zeros, squares: lacking }
  expect(() => trainer.restore(state)).toThrow('model.embed_tokens.weight is missing')
  expect(trainer.steps).toBe(1)
  expect([copies(trainer.state().weights), copies(trainer.state().moments)]).toEqual([weights, moments])
  await trainer.dispose()
})

test('weights that are given are copied, and stay as they are', async () => {
  const first = await open()
  const { weights } = first.state()
  const given = new Map([...weights].map(([name, { shape, data }]) => [name, { shape, data: data.slice() }]))
  const before = copies(given)
  const second = await open({ weights: given })
  expect(await curve(second, 3)).toEqual(await curve(first, 3))
  expect(copies(given)).toEqual(before)
  await Promise.all([first.dispose(), second.dispose()])
})

test('numbers that are not finite reach no weight', async () => {
  const trainer = await open()
  await curve(trainer, 2)
  trainer.state().weights.get('lm_head.weight')!.data[0] = Number.NaN
  const before = [copies(trainer.state().weights), copies(trainer.state().moments)]
  const { gradNorm } = await trainer.step([batchOf(9)], 1e-2)
  expect(Number.isFinite(gradNorm)).toBe(false)
  expect(trainer.steps).toBe(2)
  expect([copies(trainer.state().weights), copies(trainer.state().moments)]).toEqual(before)
  await trainer.dispose()
})

test('the gradient of a table is zero where no token was, and evaluation changes nothing', async () => {
  const trainer = await open()
  const before = copies(trainer.state().weights)
  const batch = batchOf(2, { limit: 6, masked: 3 })
  const { loss, gradients } = await trainer.gradients(batch)
  const table = gradients.get(TABLE)!
  expect(table.shape).toEqual([40, 24])
  expect(table.data.subarray(6 * 24).every((value) => value === 0)).toBe(true)
  expect(table.data.subarray(0, 6 * 24).some((value) => value !== 0)).toBe(true)
  const { loss: evaluated, counted } = await trainer.evaluate(batch)
  expect(counted).toBe(13)
  expect(Math.abs(evaluated - loss)).toBeLessThan(1e-5)
  expect((await trainer.logits(batch)).length).toBe(16 * 40)
  expect(copies(trainer.state().weights)).toEqual(before)
  await trainer.dispose()
})

test('what cannot be is refused in one line, and nothing moves', async () => {
  const trainer = await open()
  const refused = async (work: Promise<unknown>): Promise<string> => {
    const error = await work.catch((reason: unknown) => reason)
    expect(StemkitError.isInstance(error)).toBe(true)
    expect((error as Error).message).not.toContain('\n')
    return (error as Error).message
  }
  const wrongId = { ...batchOf(0), inputIds: new Int32Array(16).fill(40) }
  expect(await refused(trainer.step([wrongId], 1e-2))).toContain('inputIds has 40 at sequence 0, position 0')
  expect(await refused(trainer.step([batchOf(0, { size: 3 })], 1e-2))).toContain('made for 2 x 8')
  expect(await refused(trainer.step([batchOf(0, { masked: 16 })], 1e-2))).toContain('no position of the batch counts')
  expect(await refused(trainer.step([batchOf(0), batchOf(1)], 1e-2))).toContain("option 'accumulate'")
  expect(await refused(open({ weights: new Map() }))).toContain('model.embed_tokens.weight is missing')
  expect(trainer.steps).toBe(0)
  await trainer.dispose()
  await trainer.dispose()
  expect(await refused(trainer.step([batchOf(0)], 1e-2))).toContain('it was disposed')
})
