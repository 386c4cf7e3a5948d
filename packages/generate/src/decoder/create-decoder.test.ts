import '@tensorflow/tfjs-backend-cpu'
import { compiledEngine, eagerEngine, type FrozenWeight } from '@stemkit/compile'
import { nodeRuntime } from '@stemkit/compile/node'
import { createModelConfig, initializeWeights, listWeights } from '@stemkit/model'
import type { FeedForwardDefinition, ModelOptions, NamedArray } from '@stemkit/model'
import { linear, siluMul, useBackend, type Tensor2D } from '@stemkit/tensor'
import { packMatrix, unpackMatrix } from '@stemkit/weights'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { openTableRows } from '../table-rows.ts'
import { readOracleCase } from '../testing/oracle-case.ts'
import { plainLogits } from '../testing/plain-logits.ts'
import { createDecoder, type CreateDecoderOptions } from './create-decoder.ts'
import type { Chunk, Decoder } from './decoder.ts'

await useBackend('cpu')
const engine = compiledEngine(nodeRuntime(), { threads: 2, spin: false })

/** Without a gate. */
const plain: FeedForwardDefinition = {
  weights: ({ dim, ffnHidden }) => ({
    'in.weight': { shape: [ffnHidden, dim], role: 'matrix' },
    'out.weight': { shape: [dim, ffnHidden], role: 'matrix' },
  }),
  build: (weight) => (x) => {
    const hidden = linear(x, weight('in.weight') as Tensor2D)
    return { y: linear(siluMul(hidden, hidden), weight('out.weight') as Tensor2D) }
  },
}
const custom = { plain }

function modelOf(options: Partial<ModelOptions> = {}) {
  const config = createModelConfig({
    vocabSize: 61,
    dim: 32,
    layers: 3,
    heads: 2,
    ffnHidden: 24,
    maxLength: 24,
    ...(options.feedForwards ? {} : { kind: 'stem' }),
    ...options,
  })
  return { config, weights: initializeWeights(config, { seed: 3, tableInit: 'unit', custom }), custom }
}

type Model = Pick<CreateDecoderOptions, 'config' | 'custom'> & ReturnType<typeof modelOf>

async function open(model: Model, options: Partial<CreateDecoderOptions> = {}) {
  const rows = openTableRows(model)
  const decoder = await createDecoder({ ...model, rows, engine, slots: 3, ...options })
  const whole = await plainLogits({ ...model, engine })
  return { decoder, whole, rows, vocabSize: model.config.vocabSize }
}

const sequenceOf = (length: number, seed = 1, vocabSize = 61): number[] =>
  Array.from({ length }, (_, i) => (i * 7 * seed + seed * seed * 5 + (i % 3)) % vocabSize)

async function each<T, U>(list: readonly T[], run: (item: T) => Promise<U>): Promise<U[]> {
  const results: U[] = []
  for (const item of list) results.push(await run(item))
  return results
}

const chunk = (slot: number, start: number, ids: readonly number[], asked: Chunk['asked'] = 'all'): Chunk => ({
  slot,
  start,
  ids: Int32Array.from(ids),
  asked,
})

/** Logits of one more chunk, copied. */
const next = async (decoder: Decoder, ...chunks: Chunk[]): Promise<Float32Array[]> =>
  (await decoder.run(chunks)).map((logits) => logits.slice())

function expectClose(found: Float32Array, wanted: Float32Array, tolerance = 1e-4): void {
  expect(found.length).toBe(wanted.length)
  let most = 0
  for (let i = 0; i < wanted.length; i++) most = Math.max(most, Math.abs(found[i]! - wanted[i]!))
  expect(most).toBeLessThan(tolerance)
}

/** The matrices of a model in whole numbers, and what these stand for. */
function pack({ config, weights }: Model, bits: 4 | 8) {
  const packed = new Map<string, FrozenWeight>(weights)
  const unpacked = new Map<string, NamedArray>(weights)
  for (const [name, { role, shape }] of listWeights(config, custom)) {
    if (role !== 'matrix') continue
    const matrix = packMatrix(weights.get(name)!.data, shape as [number, number], { bits, block: 32 })
    packed.set(name, matrix)
    unpacked.set(name, { shape: matrix.shape, data: unpackMatrix(matrix) })
  }
  return { packed, unpacked }
}

describe.each([
  ['STEM', modelOf()],
  ['dense', modelOf({ kind: 'dense' })],
  ['hash-MoE', modelOf({ kind: 'hash_moe', experts: 3 })],
  ['a feed-forward of one’s own', modelOf({ feedForwards: ['dense', 'plain', 'stem'] })],
  ['grouped heads', modelOf({ dim: 64, heads: 4, kvHeads: 2 })],
  ['heads of 24 channels, which the fused attention takes only with zeros behind them', modelOf({ dim: 48 })],
])('a decoder of %s', (_, model) => {
  test('gives the logits of whole passes: prompt at once, token by token, and one after the other', async () => {
    const { decoder, whole, vocabSize } = await open(model)
    const ids = sequenceOf(24)
    const expected = await whole(ids)
    expectClose((await next(decoder, chunk(0, 0, ids)))[0]!, expected)
    for (const [i, id] of ids.entries()) {
      const [logits] = await next(decoder, chunk(1, i, [id], 'last'))
      expectClose(logits!, expected.subarray(i * vocabSize, (i + 1) * vocabSize))
    }
    const [last] = await next(decoder, chunk(2, 0, ids.slice(0, 23), 'last'))
    expectClose(last!, expected.subarray(22 * vocabSize, 23 * vocabSize))
    const [more] = await next(decoder, chunk(2, 23, ids.slice(23), 'last'))
    expectClose(more!, expected.subarray(23 * vocabSize))
    await decoder.dispose()
  })
})

test.each(['dense', 'stem-full', 'gqa-stem', 'hash-moe'])(
  'the logits of %s are those of an independent implementation',
  async (name) => {
    const { config, weights, sequences, logits } = readOracleCase(name)
    const { decoder } = await open({ config, weights, custom }, { slots: sequences.length })
    const half = sequences.map((ids) => Math.floor(ids.length / 2))
    const first = await next(decoder, ...sequences.map((ids, slot) => chunk(slot, 0, ids.slice(0, half[slot]))))
    const second = await next(decoder, ...sequences.map((ids, slot) => chunk(slot, half[slot]!, ids.slice(half[slot]))))
    sequences.forEach((_, slot) => expectClose(Float32Array.of(...first[slot]!, ...second[slot]!), logits[slot]!))
    await decoder.dispose()
  },
)

describe('chunks', () => {
  test('may be cut anywhere and run together with any others: the logits stay the same', async () => {
    const { decoder, whole, vocabSize } = await open(modelOf(), { slots: 4 })
    const sequences = [1, 2, 3, 4].map((seed) => sequenceOf(20, seed))
    const expected = await each(sequences, whole)
    const steps = fc.array(fc.array(fc.integer({ min: 0, max: 6 }), { minLength: 4, maxLength: 4 }), {
      minLength: 1,
      maxLength: 8,
    })
    await fc.assert(
      fc.asyncProperty(steps, async (sizes) => {
        const at = [0, 0, 0, 0]
        for (const step of sizes) {
          const chunks = step.flatMap((size, slot) => {
            const ids = sequences[slot]!.slice(at[slot], at[slot]! + size)
            return ids.length === 0 ? [] : [chunk(slot, at[slot]!, ids)]
          })
          const found = await next(decoder, ...chunks)
          chunks.forEach(({ slot, start, ids }, i) => {
            expectClose(found[i]!, expected[slot]!.subarray(start * vocabSize, (start + ids.length) * vocabSize))
            at[slot] = start + ids.length
          })
        }
      }),
      { numRuns: 25 },
    )
    await decoder.dispose()
  })

  test('give logits of all their positions, the last, or none', async () => {
    const { decoder, whole, vocabSize } = await open(modelOf())
    const ids = sequenceOf(5)
    const expected = await whole(ids)
    const run = (asked: Chunk['asked']) => next(decoder, chunk(0, 0, ids, asked))
    expectClose((await run('all'))[0]!, expected)
    expectClose((await run('last'))[0]!, expected.subarray(4 * vocabSize))
    expect((await run('none'))[0]!.length).toBe(0)
    const [one, two] = await next(decoder, chunk(0, 4, ids.slice(4), 'none'), chunk(1, 0, ids.slice(0, 1), 'all'))
    expect(one!.length).toBe(0)
    expectClose(two!, expected.subarray(0, vocabSize))
    await decoder.dispose()
  })

  test('longer than what is kept ready, and the same shape again, change nothing', async () => {
    const { decoder, whole } = await open(modelOf({ maxLength: 64 }))
    for (const seed of [1, 2, 3]) {
      const ids = sequenceOf(64, seed)
      expectClose((await next(decoder, chunk(0, 0, ids)))[0]!, await whole(ids))
    }
    await decoder.dispose()
  })

  test('each have rows of their own table, if they say so', async () => {
    const model = modelOf()
    const { decoder, whole, vocabSize } = await open(model)
    const other = modelOf()
    const table = 'model.layers.1.mlp.stem_table.weight'
    const { shape, data } = other.weights.get(table)!
    other.weights.set(table, { shape, data: data.map((x) => -x) })
    const otherWhole = await plainLogits({ ...other, engine })
    const otherRows = openTableRows(other)
    const ids = sequenceOf(6)
    const [mine, theirs] = await next(decoder, chunk(0, 0, ids), { ...chunk(1, 0, ids), rows: otherRows })
    expectClose(mine!, await whole(ids))
    expectClose(theirs!, await otherWhole(ids))
    const token = [ids[0]!]
    const [a, b, c] = await next(
      decoder,
      chunk(0, 0, token),
      { ...chunk(1, 0, token), rows: otherRows },
      chunk(2, 0, token),
    )
    expectClose(a!, (await whole(token)).subarray(0, vocabSize))
    expectClose(b!, await otherWhole(token))
    expect(c).toEqual(a)
    await decoder.dispose()
  })
})

describe('slots', () => {
  test('are used again: what stood behind the start of a chunk is forgotten', async () => {
    const { decoder, whole, vocabSize } = await open(modelOf())
    await decoder.run([chunk(0, 0, sequenceOf(20, 5))])
    const ids = sequenceOf(12, 2)
    const expected = await whole(ids)
    await decoder.run([chunk(0, 0, ids.slice(0, 10))])
    const [rest] = await next(decoder, chunk(0, 8, ids.slice(8)))
    expectClose(rest!, expected.subarray(8 * vocabSize))
    await decoder.dispose()
  })

  test('keep what they have while others are moved next to each other', async () => {
    const { decoder, whole, vocabSize } = await open(modelOf(), { slots: 6 })
    const sequences = Array.from({ length: 6 }, (_, i) => sequenceOf(20, i + 1))
    const expected = await each(sequences, whole)
    const at = sequences.map((_, i) => 3 + i)
    await decoder.run(sequences.map((ids, slot) => chunk(slot, 0, ids.slice(0, at[slot]), 'none')))
    for (const group of [[0, 3, 5], [1, 4], [0, 1, 2, 3, 4, 5], [2, 5], [4], [5, 0], [1, 3, 2]]) {
      const found = await next(decoder, ...group.map((slot) => chunk(slot, at[slot]!, [sequences[slot]![at[slot]!]!])))
      group.forEach((slot, i) => {
        expectClose(found[i]!, expected[slot]!.subarray(at[slot]! * vocabSize, ++at[slot]! * vocabSize))
      })
    }
    await decoder.dispose()
  })

  test('can be copied in part, and then go their own ways', async () => {
    const { decoder, whole, vocabSize } = await open(modelOf())
    const ids = sequenceOf(12)
    const branch = [...ids.slice(0, 7), ...sequenceOf(5, 9)]
    await decoder.run([chunk(2, 0, ids.slice(0, 10))])
    decoder.copy(2, 0, 7)
    const [a, b] = await next(decoder, chunk(2, 10, ids.slice(10)), chunk(0, 7, branch.slice(7)))
    expectClose(a!, (await whole(ids)).subarray(10 * vocabSize))
    expectClose(b!, (await whole(branch)).subarray(7 * vocabSize))
    expect(() => decoder.copy(0, 1, 13)).toThrow('slot 0 to 1; there are 3 slots, and that one has 12 tokens')
    expect(() => decoder.copy(0, 3, 1)).toThrow('slot 0 to 3')
    await decoder.dispose()
  })

  test('refuse what they cannot take', async () => {
    const { decoder } = await open(modelOf())
    const refused = async (problem: string, ...chunks: Chunk[]) =>
      expect(decoder.run(chunks)).rejects.toThrow(`decoder: ${problem}`)
    await refused('slot 3 is not one of 3', chunk(3, 0, [1]))
    await refused('two chunks for slot 1', chunk(1, 0, [1]), chunk(1, 0, [2]))
    await refused('a chunk starts at 1, but slot 0 has 0 tokens', chunk(0, 1, [1]))
    await refused('25 tokens after 0 are more than the 24', chunk(0, 0, sequenceOf(25)))
    await refused('token 61 for slot 0', chunk(0, 0, [61]))
    await refused('a chunk of no tokens', chunk(0, 0, []))
    expect(await decoder.run([])).toEqual([])
    const first = decoder.run([chunk(0, 0, [1, 2])])
    await refused('a run is under way', chunk(1, 0, [1]))
    await first
    await decoder.dispose()
    await refused('it was disposed', chunk(0, 0, [1]))
  })

  test('are as before after a run that was cancelled', async () => {
    const model = modelOf({ dim: 256, heads: 4, layers: 8, ffnHidden: 1024, maxLength: 512 })
    const { decoder, whole, vocabSize } = await open(model)
    const ids = sequenceOf(400)
    await decoder.run([chunk(0, 0, ids.slice(0, 8)), chunk(1, 0, ids.slice(0, 5))])
    const controller = new AbortController()
    const cancelled = decoder.run([chunk(0, 6, ids.slice(6))], { signal: controller.signal })
    setTimeout(() => controller.abort(new Error('enough')), 20)
    await expect(cancelled).rejects.toThrow('enough')
    const expected = await whole(ids.slice(0, 9))
    const [a, b] = await next(decoder, chunk(0, 6, ids.slice(6, 9)), chunk(1, 5, ids.slice(5, 9)))
    expectClose(a!, expected.subarray(6 * vocabSize))
    expectClose(b!, expected.subarray(5 * vocabSize))
    await decoder.dispose()
  })
})

test('whatever else is in a step, logits are the same but for rounding', async () => {
  const { decoder } = await open(modelOf({ dim: 64, ffnHidden: 96 }), { slots: 5 })
  const ids = sequenceOf(9)
  await decoder.run([0, 1, 2, 3, 4].map((slot) => chunk(slot, 0, slot === 0 ? ids : sequenceOf(4 + slot, slot + 1))))
  const [alone] = await next(decoder, chunk(0, 8, [3]))
  const others = [1, 2, 3, 4].map((slot) => chunk(slot, 4, [slot]))
  const [among] = await next(decoder, chunk(0, 8, [3]), ...others)
  expectClose(among!, alone!, 1e-5)
  await decoder.dispose()
})

test.each([
  ['single precision', undefined],
  ['4 bits', 4],
  ['8 bits', 8],
] as const)(
  'a deterministic decoder with weights in %s gives the same bits whatever else is in a step',
  async (_, bits) => {
    const model = modelOf({ dim: 64, ffnHidden: 96 })
    const { weights } = model
    const { packed, unpacked } = bits ? pack(model, bits) : { packed: weights, unpacked: weights }
    const { decoder, whole, vocabSize } = await open(
      { ...model, weights: unpacked },
      { slots: 5, deterministic: true, weights: packed },
    )
    const ids = sequenceOf(24)
    const expected = await whole(ids)
    const alone: Float32Array[] = []
    const step = (slot: number, i: number): Chunk =>
      i === 0 ? chunk(slot, 0, ids.slice(0, 4), 'last') : chunk(slot, i + 3, [ids[i + 3]!], 'last')
    for (let i = 0; i < 21; i++) alone.push(...(await next(decoder, step(2, i))))
    const tolerance = bits ? 1 : 1e-4
    alone.forEach((logits, i) => {
      expectClose(logits, expected.subarray((i + 3) * vocabSize, (i + 4) * vocabSize), tolerance)
    })
    for (const slot of [0, 4]) {
      for (let i = 0; i < 21; i++) {
        const others = [1, 2, 3].slice(i % 3).map((other) => chunk(other, 0, sequenceOf(1 + (i % 4), other)))
        const [logits] = await next(decoder, step(slot, i), ...others)
        expect(logits).toEqual(alone[i])
      }
    }
    await decoder.dispose()
  },
)

test.each([
  [4, 0.12],
  [8, 0.02],
] as const)('weights of %i bits give the logits of what they stand for, nearly', async (bits, tolerance) => {
  const model = modelOf({ dim: 64, ffnHidden: 96 })
  const { packed, unpacked } = pack(model, bits)
  const { decoder, whole, vocabSize } = await open({ ...model, weights: unpacked }, { weights: packed })
  const ids = sequenceOf(24)
  const expected = await whole(ids)
  const largest = expected.reduce((most, x) => Math.max(most, Math.abs(x)), 0)
  expectClose((await next(decoder, chunk(0, 0, ids)))[0]!, expected, tolerance * largest)
  await decoder.run([chunk(1, 0, ids.slice(0, 9), 'none'), chunk(2, 0, ids.slice(0, 20), 'none')])
  const [a, b] = await next(decoder, chunk(1, 9, ids.slice(9, 10)), chunk(2, 20, ids.slice(20, 21)))
  expectClose(a!, expected.subarray(9 * vocabSize, 10 * vocabSize), tolerance * largest)
  expectClose(b!, expected.subarray(20 * vocabSize, 21 * vocabSize), tolerance * largest)
  await decoder.dispose()
})

test('runs on a backend of tfjs just as well', async () => {
  const model = modelOf({ layers: 2 })
  const { decoder, whole, vocabSize } = await open(model, { engine: eagerEngine() })
  const ids = sequenceOf(8)
  const expected = await whole(ids)
  const [first] = await next(decoder, chunk(1, 0, ids.slice(0, 5)))
  expectClose(first!, expected.subarray(0, 5 * vocabSize))
  const [second, other] = await next(decoder, chunk(1, 5, ids.slice(5, 6)), chunk(0, 0, ids.slice(0, 1)))
  expectClose(second!, expected.subarray(5 * vocabSize, 6 * vocabSize))
  expectClose(other!, expected.subarray(0, vocabSize))
  await decoder.dispose()
})
