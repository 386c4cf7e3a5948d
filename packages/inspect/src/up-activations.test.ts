import '@tensorflow/tfjs-backend-cpu'
import { eagerEngine } from '@stemkit/compile'
import { memory, useBackend } from '@stemkit/tensor'
import { describe, expect, test } from 'vitest'
import { angularSpread } from './angular-spread.ts'
import { readBlock } from './blocks.ts'
import { oracleCase } from './testing/oracle-case.ts'
import { plainModel } from './testing/plain-model.ts'
import { cosine, smallModel, testEngine } from './testing/small-model.ts'
import { upActivations } from './up-activations.ts'

const engine = testEngine()
const model = oracleCase('dense')
const sequences = model.inputIds.map((ids) => ids.slice(0, 12))

/** By layer and token, every Wu x that the texts have, in 64 bits. */
const plain = plainModel(model.config, model.weights)
const occurrences = new Map<number, number[][][]>()
for (const ids of sequences) {
  const { ups } = plain(ids)
  for (const [at, id] of ids.entries()) {
    if (!occurrences.has(id)) occurrences.set(id, [])
    occurrences.get(id)!.push(ups.map((up) => up[at]!))
  }
}
const tokens = [...occurrences.keys()].toSorted((a, b) => a - b)
const meanOf = (id: number, layer: number): number[] => {
  const all = occurrences.get(id)!.map((ups) => ups[layer]!)
  return all[0]!.map((_, k) => all.reduce((sum, up) => sum + up[k]!, 0) / all.length)
}

describe('what the up-projection of a dense model gives', () => {
  test('is the mean over the occurrences of each token, or one of them', async () => {
    const found = await upActivations(model, { engine, sequences })
    expect([...found.tokens]).toEqual(tokens)
    expect(found.positions).toBe(sequences.flat().length)
    const [mean, single] = [await readBlock(found.mean, found.tokens), await readBlock(found.single, found.tokens)]
    for (const layer of found.mean.layers) {
      for (const [place, id] of tokens.entries()) {
        const rowIn = (block: typeof mean): number[] =>
          Array.from(block.table(layer).subarray(place * found.mean.width, (place + 1) * found.mean.width))
        const distance = (a: number[], b: number[]): number => Math.max(...a.map((value, k) => Math.abs(value - b[k]!)))
        expect(distance(rowIn(mean), meanOf(id, layer))).toBeLessThan(1e-4)
        const nearest = Math.min(...occurrences.get(id)!.map((ups) => distance(rowIn(single), ups[layer]!)))
        expect(nearest).toBeLessThan(1e-4)
      }
    }
  })

  test('has angles as tables have, for these tokens', async () => {
    const found = await upActivations(model, { engine, sequences, layers: [1] })
    const [spread] = await angularSpread(found.mean, { engine, pairs: 'all', ids: found.tokens })
    const means = tokens.map((id) => meanOf(id, 1))
    const cosines = means.flatMap((a, i) => means.slice(i + 1).map((b) => cosine(a, b)))
    expect(spread).toMatchObject({ layer: 1, pairs: cosines.length })
    expect(spread!.mean).toBeCloseTo(cosines.reduce((a, b) => a + b) / cosines.length, 5)
    const all = angularSpread(found.mean, { engine, pairs: 'all' })
    await expect(all).rejects.toMatchObject({ code: 'not-found' })
  })

  test('is drawn among occurrences by the seed', async () => {
    const one = async (seed: number): Promise<Float32Array> => {
      const found = await upActivations(model, { engine, sequences, seed, layers: [2] })
      return (await readBlock(found.single, found.tokens)).table(0)
    }
    expect(await one(1)).toEqual(await one(1))
    expect(await one(1)).not.toEqual(await one(2))
  })

  test('of texts longer than the model is taken in pieces', async () => {
    const dense = smallModel({ kind: 'dense', maxLength: 4 })
    const ids = [1, 2, 3, 4, 5, 6]
    const whole = await upActivations(dense, { engine, sequences: [ids] })
    const parts = await upActivations(dense, { engine, sequences: [ids.slice(0, 4), ids.slice(4)] })
    expect((await readBlock(whole.mean, whole.tokens)).table(2)).toEqual(
      (await readBlock(parts.mean, parts.tokens)).table(2),
    )
  })
})

test('an eager engine gives the same, and nothing of it stays in memory', async () => {
  await useBackend('cpu')
  const before = memory().numTensors
  const short = sequences.map((ids) => ids.slice(0, 5))
  const found = await upActivations(model, { engine: eagerEngine(), sequences: short })
  expect(memory().numTensors).toBe(before)
  const compiled = await upActivations(model, { engine, sequences: short })
  const [a, b] = [await readBlock(found.mean, found.tokens), await readBlock(compiled.mean, found.tokens)]
  for (const layer of found.mean.layers) {
    const difference = a.table(layer).map((value, i) => Math.abs(value - b.table(layer)[i]!))
    expect(Math.max(...difference)).toBeLessThan(1e-4)
  }
})

test('models with tables, layers that are not dense and empty texts are refused', async () => {
  await expect(upActivations(smallModel(), { engine, sequences })).rejects.toThrow('a dense model is needed')
  await expect(upActivations(model, { engine, sequences, layers: [3] })).rejects.toThrow('layer 3 of the model')
  await expect(upActivations(model, { engine, sequences: [[]] })).rejects.toThrow('the texts have no tokens')
  await expect(upActivations(model, { engine, sequences: [[97]] })).rejects.toThrow('token 97 is beyond')
})
