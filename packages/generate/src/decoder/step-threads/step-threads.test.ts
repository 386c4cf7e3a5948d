import '@tensorflow/tfjs-backend-cpu'
import { compiledEngine, type FrozenWeight } from '@stemkit/compile'
import { nodeRuntime } from '@stemkit/compile/node'
import { createModelConfig, initializeWeights, type ModelOptions } from '@stemkit/model'
import { useBackend } from '@stemkit/tensor'
import type { SpawnWorker } from '@stemkit/threads'
import { spawnWorker } from '@stemkit/threads/node'
import { packMatrix, toFloat16 } from '@stemkit/weights'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ModelWeight } from '../../model.ts'
import { openTableRows, type TableRows } from '../../table-rows.ts'
import { createDecoder, type CreateDecoderOptions } from '../create-decoder.ts'
import type { Chunk, Decoder } from '../decoder.ts'
import { measureKvScales } from '../kv-scales.ts'
import { gatherStepRows } from '../step-rows.ts'
import { openStepThreads } from './step-threads.ts'
import { mostTokensOf, unsuitedForThreads } from './suitability.ts'

await useBackend('cpu')
const engine = compiledEngine(nodeRuntime(), { threads: 1, spin: false })

type Form = 'float32' | 'float16' | 'bits4' | 'bits8'
const FORMS: readonly Form[] = ['float32', 'float16', 'bits4', 'bits8']

const inForm = ({ shape, data }: { readonly shape: readonly number[]; readonly data: Float32Array }, form: Form) => {
  if (form === 'float32') return { shape, data }
  if (form === 'float16') return { shape, data: Uint16Array.from(data, toFloat16) }
  return packMatrix(data, shape as [number, number], { bits: form === 'bits4' ? 4 : 8, block: 32 })
}

/** A model with a dense layer and STEM layers, whose matrices have the form that `formOf` says. */
function modelOf(formOf: (name: string) => Form, options: Partial<ModelOptions> = {}) {
  const config = createModelConfig({
    vocabSize: 61,
    dim: 64,
    layers: 3,
    heads: 4,
    kvHeads: 2,
    ffnHidden: 96,
    maxLength: 40,
    kind: 'stem',
    ...options,
  })
  const weights = new Map<string, FrozenWeight & ModelWeight>()
  for (const [name, weight] of initializeWeights(config, { seed: 3, tableInit: 'unit' })) {
    const isMatrix = weight.shape.length === 2 && !name.endsWith('stem_table.weight')
    const own = isMatrix ? inForm(weight, formOf(name)) : weight
    // Scales that take 32 bits.
    const isOdd = 'scales' in own && name.includes('o_proj')
    weights.set(name, isOdd ? { ...own, scales: own.scales.map((scale) => 1.1 * scale) } : own)
  }
  return { config, weights, rows: openTableRows({ config, weights }) }
}

type Model = ReturnType<typeof modelOf>

const stepThreads = (threads: number) => ({ threads, spawn: spawnWorker })
const decoderOf = (model: Model, options: Partial<CreateDecoderOptions> = {}): Promise<Decoder> =>
  createDecoder({ ...model, engine, slots: 3, ...options })

const chunk = (slot: number, start: number, ids: readonly number[], rows?: TableRows): Chunk => ({
  slot,
  start,
  asked: 'all',
  rows,
  ids: Int32Array.from(ids),
})
const run = async (decoder: Decoder, ...chunks: Chunk[]): Promise<Float32Array[]> =>
  (await decoder.run(chunks)).map((logits) => logits.slice())

const farthest = (a: readonly Float32Array[], b: readonly Float32Array[]): number => {
  expect(a.map(({ length }) => length)).toEqual(b.map(({ length }) => length))
  return Math.max(...a.flatMap((each, i) => [...each].map((x, k) => Math.abs(x - b[i]![k]!))))
}

/**
 * How far logits may be apart that are of different sums in float32. Inputs of packed matrices are rounded to 8 bits, and one that lies
 * between two of them may go either way, which changes what follows.
 */
const toleranceOf = (form: Form): number => (form.startsWith('bits') ? 0.3 : 1e-5)

const idsOf = (length: number, seed = 0): number[] => Array.from({ length }, (_, i) => (i * 7 + 3 + 11 * seed) % 61)

/** The threads by themselves, with nothing in their caches. */
async function openAlone({ config, weights, rows }: Model, threads: number) {
  const tables = new Map(
    [...weights].filter(([name]) => name.endsWith('stem_table.weight')).map(([name, { shape }]) => [name, shape[1]!]),
  )
  const matrices = Object.fromEntries([...weights].filter(([name]) => !tables.has(name)))
  const options = { config, weights: matrices, tables, places: 3, capacity: 40, ...stepThreads(threads) }
  const alone = await openStepThreads(options)
  const step = async (...chunks: Chunk[]): Promise<Float32Array> => {
    const gathered = await gatherStepRows(
      chunks.map(({ start, ids }) => ({ rows, start, ids })),
      { memory: (length) => alone.rowMemories[0].subarray(0, length) },
    )
    const sequences = chunks.map(({ slot, start, ids }) => ({ place: slot, position: start, ids }))
    return (await alone.run(sequences, gathered)).slice()
  }
  return { ...alone, step, options }
}

describe.each(FORMS)('matrices in %s', (form) => {
  test.each([[1], [2], [3], [4]])('steps of %i tokens are those of the engine', async (size) => {
    const model = modelOf(() => form)
    const [decoder, threads] = [await decoderOf(model), await openAlone(model, 2)]
    const apart: number[] = []
    for (let seed = 0; seed < 20; seed++) {
      const next = chunk(1, 0, idsOf(size, seed))
      apart.push(farthest([await threads.step(next)], await run(decoder, next)))
    }
    expect(Math.max(...apart)).toBeLessThan(toleranceOf(form))
    expect(apart.filter((each) => each < 1e-5).length).toBeGreaterThan(15)
    await decoder.dispose()
    await threads.dispose()
  })

  test('a text read on token by token is that of the engine', async () => {
    const model = modelOf(() => form)
    const [decoder, threads] = [await decoderOf(model), await openAlone(model, 2)]
    for (const [start, id] of idsOf(40).entries()) {
      const next = chunk(1, start, [id])
      expect(farthest([await threads.step(next)], await run(decoder, next))).toBeLessThan(toleranceOf(form))
    }
    await decoder.dispose()
    await threads.dispose()
  })

  test('any number of threads gives the same bits', async () => {
    const model = modelOf(() => form)
    const all = await Promise.all([0, 1, 2, 5].map((count) => openAlone(model, count)))
    for (let start = 0; start < 12; start++) {
      const chunks = [chunk(0, start, [start]), chunk(2, 2 * start, [60 - start, start])]
      const [first, ...others] = await Promise.all(all.map(({ step }) => step(...chunks)))
      for (const other of others) expect(other).toEqual(first)
    }
    await Promise.all(all.map(({ dispose }) => dispose()))
  })
})

test.each([
  { dim: 32, heads: 2, headDim: 20, ffnHidden: 36 },
  { dim: 36, heads: 3, kvHeads: 1, headDim: 12, ffnHidden: 20, vocabSize: 61 },
  { dim: 30, heads: 5, kvHeads: 5, ffnHidden: 11, kind: 'dense' as const },
])('sizes that fill no register: %o', async (sizes) => {
  const model = modelOf((name) => (name.includes('gate_proj') ? 'float16' : 'float32'), sizes)
  const [decoder, threads] = [await decoderOf(model), await openAlone(model, 2)]
  for (let start = 0; start < 20; start++) {
    const next = chunk(0, start, [idsOf(20)[start]!])
    expect(farthest([await threads.step(next)], await run(decoder, next))).toBeLessThan(2e-5)
  }
  await decoder.dispose()
  await threads.dispose()
})

describe('a decoder with threads', () => {
  const mixed = modelOf((name) =>
    name.startsWith('lm_head') ? 'bits8' : name.includes('k_proj') ? 'float16' : 'bits4',
  )

  test.each([
    ['bits4', mixed],
    ['float16', modelOf(() => 'float16')],
  ] as const)('gives the logits of one without, whatever is run (%s)', async (form, model) => {
    const [plain, own] = [await decoderOf(model), await decoderOf(model, { stepThreads: stepThreads(2) })]
    const action = fc.record({
      chunks: fc.array(fc.record({ slot: fc.nat(2), length: fc.nat(6), back: fc.nat(3), seed: fc.nat(5) }), {
        maxLength: 3,
      }),
      copy: fc.option(fc.record({ from: fc.nat(2), to: fc.nat(2), share: fc.float({ min: 0, max: 1, noNaN: true }) })),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(action, { minLength: 1, maxLength: 12 }), async (actions) => {
        const lengths = [0, 0, 0]
        for (const { chunks, copy } of actions) {
          const bySlot = new Map(chunks.map((each) => [each.slot, each]))
          const asked = [...bySlot.values()].flatMap(({ slot, length, back, seed }) => {
            const start = Math.max(0, lengths[slot]! - back)
            const count = Math.min(length + 1, 40 - start)
            if (count < 1) return []
            lengths[slot] = start + count
            return [chunk(slot, start, idsOf(count, seed))]
          })
          if (asked.length > 0)
            expect(farthest(await run(own, ...asked), await run(plain, ...asked))).toBeLessThan(toleranceOf(form))
          if (!copy) continue
          const { from, to, share } = copy
          lengths[to] = Math.floor(share * lengths[from]!)
          for (const decoder of [plain, own]) decoder.copy(from, to, lengths[to]!)
        }
      }),
      { numRuns: 15 },
    )
    await plain.dispose()
    await own.dispose()
  })

  test('reads each sequence from its own rows', async () => {
    const [plain, own] = [await decoderOf(mixed), await decoderOf(mixed, { stepThreads: stepThreads(2) })]
    const other = modelOf(() => 'bits4', { maxLength: 41 }).rows
    const chunks = [chunk(0, 0, [5]), chunk(1, 0, [5, 6], other), chunk(2, 0, [6])]
    expect(farthest(await run(own, ...chunks), await run(plain, ...chunks))).toBeLessThan(toleranceOf('bits4'))
    await plain.dispose()
    await own.dispose()
  })

  test('shares keys and values in int8 with the engine', async () => {
    const kvScales = await measureKvScales({ ...mixed, engine })
    const [plain, own] = await Promise.all(
      [undefined, stepThreads(2)].map((threads) => decoderOf(mixed, { kvScales, stepThreads: threads })),
    )
    // The prompt is read by the engine on both sides.
    const prompt = chunk(1, 0, idsOf(20))
    expect(await run(own!, prompt)).toEqual(await run(plain!, prompt))
    const next = chunk(1, 20, [9])
    const [found, wanted] = [await run(own!, next), await run(plain!, next)]
    expect(farthest(found, wanted)).toBeLessThan(toleranceOf('bits4'))
    // What the threads wrote is what the engine goes on from.
    const rest = chunk(1, 21, idsOf(16, 2))
    expect(farthest(await run(own!, rest), await run(plain!, rest))).toBeLessThan(toleranceOf('bits4'))
    await plain!.dispose()
    await own!.dispose()
  })

  test('leaves steps of many tokens to the engine', async () => {
    const [plain, own] = [await decoderOf(mixed), await decoderOf(mixed, { stepThreads: stepThreads(2) })]
    const long = chunk(0, 0, idsOf(5))
    expect(await run(own, long)).toEqual(await run(plain, long))
    await plain.dispose()
    await own.dispose()
  })

  test('says when a thread fails, and stays usable to be disposed', async () => {
    const broken: SpawnWorker = (_script, data, on, name) =>
      spawnWorker(
        '({ asked }, post) => { post("ready"); Atomics.wait(asked, 0, 0); throw new Error("no luck") }',
        data,
        on,
        name,
      )
    const decoder = await decoderOf(mixed, { stepThreads: { threads: 1, spawn: broken } })
    await expect(run(decoder, chunk(0, 0, [1]))).rejects.toMatchObject({
      code: 'unsupported',
      message: 'decoder: a thread failed: no luck',
    })
    await decoder.dispose()
  })

  test('waits for the step under way when it is disposed', async () => {
    const decoder = await decoderOf(mixed, { stepThreads: stepThreads(2) })
    const step = decoder.run([chunk(0, 0, [1])])
    await decoder.dispose()
    expect((await step)[0]!.length).toBe(61)
  })
})

describe('whether the threads suit a model', () => {
  const reasonFor = async (formOf: (name: string) => Form, options: Partial<ModelOptions> = {}) => {
    const { options: asked, dispose } = await openAlone(modelOf(formOf, options), 0)
    await dispose()
    return unsuitedForThreads(asked)
  }

  test('says by what the most of its matrices are, and up to how many tokens', async () => {
    expect(await reasonFor(() => 'float32')).toBe('its matrices are in float32')
    for (const form of ['float16', 'bits4', 'bits8'] as const) expect(await reasonFor(() => form)).toBeUndefined()
    const tokens = async (form: Form): Promise<number> => {
      const alone = await openAlone(
        modelOf(() => form),
        0,
      )
      await alone.dispose()
      return mostTokensOf(alone.options.weights)
    }
    expect(await Promise.all(FORMS.map(tokens))).toEqual([0, 1, 4, 1])
  })

  test('names what the kernels do not know', async () => {
    const { options, dispose } = await openAlone(
      modelOf(() => 'bits4'),
      0,
    )
    await dispose()
    const name = 'model.layers.1.self_attn.q_proj.weight'
    const small = {
      ...options.weights,
      [name]: packMatrix(new Float32Array(64 * 64), [64, 64], { bits: 4, block: 16 }),
    }
    expect(unsuitedForThreads({ ...options, weights: small })).toBe(`'${name}' is in blocks of 16`)
    const uneven = await reasonFor((each) => (each.includes('up_proj') ? 'bits8' : 'bits4'))
    expect(uneven).toBe('gate and up projection of layer 0 are not of one type')
    const config = { ...options.config, feedForwards: ['dense', 'hash_moe', 'stem'] }
    expect(unsuitedForThreads({ ...options, config })).toBe("it has feed-forwards of kind 'hash_moe'")
    expect(unsuitedForThreads({ ...options, places: 10 ** 6 })).toMatch(
      /^it takes \d+\.\d GB; WebAssembly ends at 4\.0 GB$/,
    )
  })
})
