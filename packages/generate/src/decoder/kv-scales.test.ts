import '@tensorflow/tfjs-backend-cpu'
import { compiledEngine, eagerEngine, type Engine } from '@stemkit/compile'
import { nodeRuntime } from '@stemkit/compile/node'
import { createModelConfig, initializeWeights, listWeights, type ModelOptions } from '@stemkit/model'
import { useBackend } from '@stemkit/tensor'
import { packMatrix } from '@stemkit/weights'
import { describe, expect, test } from 'vitest'
import { openTableRows } from '../table-rows.ts'
import { createDecoder, type CreateDecoderOptions } from './create-decoder.ts'
import type { Chunk, Decoder } from './decoder.ts'
import { measureKvScales } from './kv-scales.ts'

await useBackend('cpu')
const compiled = compiledEngine(nodeRuntime(), { threads: 2, spin: false })

function modelOf(options: Partial<ModelOptions> = {}) {
  const config = createModelConfig({
    vocabSize: 61,
    dim: 64,
    layers: 3,
    heads: 4,
    kvHeads: 2,
    ffnHidden: 96,
    maxLength: 64,
    kind: 'stem',
    ...options,
  })
  const weights = initializeWeights(config, { seed: 3, tableInit: 'unit' })
  return { config, weights, rows: openTableRows({ config, weights }) }
}

async function open(options: Partial<CreateDecoderOptions> = {}, engine: Engine = compiled) {
  const model = modelOf()
  const kvScales = await measureKvScales({ ...model, engine: compiled })
  const shared = { ...model, slots: 4, engine, ...options }
  return {
    exact: await createDecoder({ ...shared, engine: compiled }),
    rounded: await createDecoder({ kvScales, ...shared }),
    kvScales,
  }
}

const ids = Array.from({ length: 48 }, (_, i) => (i * 7 + 5 + (i % 3)) % 61)
const chunk = (slot: number, from: number, to: number, asked: Chunk['asked'] = 'last'): Chunk => ({
  slot,
  start: from,
  asked,
  ids: Int32Array.from(ids.slice(from, to)),
})
const run = async (decoder: Decoder, ...chunks: Chunk[]): Promise<Float32Array[]> =>
  (await decoder.run(chunks)).map((logits) => logits.slice())

/** The largest difference, over the largest number. */
function difference(found: Float32Array, wanted: Float32Array): number {
  expect(found.length).toBe(wanted.length)
  const most = Math.max(...wanted.map((x, i) => Math.abs(x - found[i]!)))
  return most / Math.max(...wanted.map(Math.abs))
}

/** Logits after the last of `ends`, with the text read in parts that end there. */
async function inParts(decoder: Decoder, ends: readonly number[], slot = 0): Promise<Float32Array> {
  let logits: Float32Array = new Float32Array(0)
  for (const [i, end] of ends.entries()) logits = (await run(decoder, chunk(slot, ends[i - 1] ?? 0, end)))[0]!
  return logits
}
const single = Array.from({ length: 40 }, (_, i) => i + 1)

describe('keys and values in int8', () => {
  test.each([
    ['in one go', [40]],
    ['token by token', single],
    ['in long parts', [20, 40]],
    ['in short parts', [5, 12, 19, 26, 33, 40]],
    ['in long parts with tokens between', [18, 19, 20, 40]],
  ])('give nearly the logits of single precision, read %s', async (_, ends) => {
    const { exact, rounded } = await open()
    expect(difference(await inParts(rounded, ends), await inParts(exact, ends))).toBeLessThan(0.02)
    await exact.dispose()
    await rounded.dispose()
  })

  test('stand for the same numbers on a backend of tfjs', async () => {
    const { exact, rounded, kvScales } = await open()
    const other = await createDecoder({ ...modelOf(), slots: 1, engine: eagerEngine(), kvScales })
    const ends = [20, 21, 22, 25]
    expect(difference(await inParts(rounded, ends), await inParts(other, ends))).toBeLessThan(0.005)
    for (const decoder of [exact, rounded, other]) await decoder.dispose()
  })

  test('do not depend on what was done for other sequences in between', async () => {
    const { exact, rounded } = await open({ deterministic: true })
    const alone = await inParts(rounded, [20, 40, 41, 42])
    for (const slot of [1, 2]) {
      await run(rounded, chunk(slot, 0, 20), chunk(3, 0, 30))
      await run(rounded, chunk(slot, 20, 40), chunk(3, 30, 48))
      await run(rounded, chunk(slot, 40, 41), chunk(3, 0, 1))
      expect((await run(rounded, chunk(slot, 41, 42)))[0]).toEqual(alone)
    }
    await exact.dispose()
    await rounded.dispose()
  })

  test.each([16, 20])(
    'of two sequences of %i tokens are read in one run, each with logits of its own',
    async (length) => {
      const { exact, rounded } = await open()
      const other = {
        slot: 1,
        start: 0,
        ids: Int32Array.from({ length }, (_, i) => (i * 11) % 61),
        asked: 'last',
      } as const
      const [first] = await run(rounded, chunk(0, 0, length))
      const [second] = await run(rounded, other)
      expect(await run(rounded, chunk(0, 0, length), other)).toEqual([first, second])
      await exact.dispose()
      await rounded.dispose()
    },
  )

  test('are copied from slot to slot, and forgotten where a sequence goes back', async () => {
    const { exact, rounded } = await open()
    const expected = await inParts(rounded, [20, 40])
    rounded.copy(0, 2, 20)
    expect(await inParts(rounded, [40], 3)).not.toEqual(expected)
    expect((await run(rounded, chunk(2, 20, 40)))[0]).toEqual(expected)
    await run(rounded, { slot: 2, start: 10, ids: Int32Array.of(1, 2, 3), asked: 'none' })
    expect(difference(await inParts(rounded, [10], 1), await inParts(exact, [10], 1))).toBeLessThan(0.02)
    await run(rounded, chunk(2, 10, 20))
    expect(difference((await run(rounded, chunk(2, 20, 40)))[0]!, expected)).toBeLessThan(0.01)
    await exact.dispose()
    await rounded.dispose()
  })

  test('go with packed weights, heads that are no multiple of 16 wide, and models without tables', async () => {
    for (const options of [{ dim: 96 }, { kind: 'dense' }] as const) {
      const { config, weights, rows } = modelOf(options)
      const packed = new Map<string, CreateDecoderOptions['weights'] extends ReadonlyMap<string, infer W> ? W : never>(
        weights,
      )
      for (const [name, { role, shape }] of listWeights(config)) {
        if (role !== 'matrix') continue
        packed.set(name, packMatrix(weights.get(name)!.data, shape as [number, number], { bits: 8, block: 32 }))
      }
      const model = { config, weights: packed, rows, engine: compiled, slots: 2 }
      const exact = await createDecoder(model)
      const rounded = await createDecoder({ ...model, kvScales: await measureKvScales(model) })
      expect(difference(await inParts(rounded, [20, 24, 25]), await inParts(exact, [20, 24, 25]))).toBeLessThan(0.05)
      await exact.dispose()
      await rounded.dispose()
    }
  })
})

describe('scales of keys and values', () => {
  test('are the same each time, one for each channel of each head', async () => {
    const model = { ...modelOf(), engine: compiled }
    const scales = await measureKvScales(model)
    expect(scales.map(({ keys, values }) => [keys.length, values.length])).toEqual([1, 2, 3].map(() => [32, 32]))
    expect(scales.every(({ keys, values }) => [...keys, ...values].every((scale) => scale > 0))).toBe(true)
    expect(await measureKvScales(model)).toEqual(scales)
  })

  test('of another model are refused', async () => {
    const kvScales = await measureKvScales({ ...modelOf({ layers: 2 }), engine: compiled })
    await expect(open({ kvScales })).rejects.toThrow(
      'decoder: scales of keys and values in int8 are 3 layers of 32 numbers above 0',
    )
  })

  test('are not measured for one who has given up', async () => {
    const signal = AbortSignal.abort(new Error('enough'))
    await expect(measureKvScales({ ...modelOf(), engine: compiled, signal })).rejects.toThrow('enough')
  })
})
