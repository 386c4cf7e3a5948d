import { nodeRuntime } from '@stemkit/compile/node'
import { packForInputs, packMatrix, unpackMatrix } from '@stemkit/weights'
import { expect, test } from 'vitest'
import { collectGrams } from './collect-grams.ts'
import { openTableRows } from './table-rows.ts'
import { tinyModel } from './testing/tiny-model.ts'

const runtime = nodeRuntime()
const { config, weights } = tinyModel()
const sequences = [Array.from({ length: 40 }, (_, i) => (i * 37) % 256), [5, 6, 7]]
const collect = async (texts = sequences): Promise<Map<string, Float32Array>> => {
  const rows = openTableRows({ config, weights })
  return collectGrams({ config, weights, rows, runtime, sequences: texts }).finally(() => rows.dispose())
}
const at = 'model.layers.0'

test('grams are of all matrices that are multiplied with, and shared by those with one input', async () => {
  const grams = await collect()
  expect(grams.get(`${at}.self_attn.q_proj.weight`)).toBe(grams.get(`${at}.self_attn.v_proj.weight`))
  expect(grams.get(`${at}.mlp.gate_proj.weight`)).not.toBe(grams.get(`${at}.self_attn.v_proj.weight`))
  expect(grams.get(`${at}.mlp.down_proj.weight`)!.length).toBe(24 * 24)
  expect(grams.has('lm_head.weight')).toBe(true)
  expect(grams.has('model.embed_tokens.weight')).toBe(false)
  expect([...grams.keys()].filter((name) => name.includes('stem_table'))).toEqual([])
})

test('the gram after the first norm is that of the embeddings, normed', async () => {
  const gram = (await collect()).get(`${at}.self_attn.q_proj.weight`)!
  const [embedding, gain] = ['model.embed_tokens.weight', `${at}.input_layernorm.weight`].map(
    (name) => weights.get(name)!.data,
  )
  const d = config.dim
  const expected = new Float64Array(d * d)
  for (const id of sequences.flat()) {
    const row = embedding!.subarray(id * d, (id + 1) * d)
    const scale = 1 / Math.sqrt(row.reduce((sum, v) => sum + v * v, 0) / d + config.normEps)
    const x = Array.from(row, (v, k) => v * scale * gain![k]!)
    for (let i = 0; i < d; i++) for (let j = 0; j < d; j++) expected[i * d + j]! += x[i]! * x[j]!
  }
  for (let i = 0; i < gram.length; i++) expect(gram[i]).toBeCloseTo(expected[i]!, 3)
})

test('a matrix packed for its inputs has products nearer to those of the floats', async () => {
  const name = `${at}.self_attn.o_proj.weight`
  const gram = (await collect()).get(name)!
  const { data } = weights.get(name)!
  const d = config.dim
  // trace((W - Q) G (W - Q)^T) is the squared error of the products over the texts.
  const errorOf = (rounded: Float32Array): number => {
    let sum = 0
    for (let n = 0; n < d; n++) {
      const e = Array.from({ length: d }, (_, k) => data[n * d + k]! - rounded[n * d + k]!)
      for (let i = 0; i < d; i++) for (let j = 0; j < d; j++) sum += e[i]! * gram[i * d + j]! * e[j]!
    }
    return sum
  }
  const options = { bits: 4, block: 16 } as const
  const fitted = errorOf(unpackMatrix(packForInputs(data, [d, d], gram, options)))
  expect(fitted).toBeLessThan(0.8 * errorOf(unpackMatrix(packMatrix(data, [d, d], options))))
})

test('without texts there is nothing to tell, and a signal ends it', async () => {
  await expect(collect([])).rejects.toThrow('there is no text')
  const rows = openTableRows({ config, weights })
  const signal = AbortSignal.abort(new Error('enough'))
  await expect(collectGrams({ config, weights, rows, runtime, sequences, signal })).rejects.toThrow('enough')
  await rows.dispose()
})
