import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gguf, GGMLQuantizationType } from '@huggingface/gguf'
import { createModelConfig, initializeWeights, listWeights } from '@stemkit/model'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { GGUF_TYPES, type GgufType } from './encode-weights.ts'
import { writeLlamaModel } from './llama-model.ts'

const config = createModelConfig({
  vocabSize: 300,
  dim: 64,
  heads: 4,
  kvHeads: 2,
  layers: 2,
  ffnHidden: 96,
  maxLength: 64,
  kind: 'dense',
})
const weights = initializeWeights(config, { seed: 3 })
const weight = (name: string): Float32Array => weights.get(name)!.data

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stemkit-gguf-'))
})
afterAll(() => rm(folder, { recursive: true }))

describe.each(Object.keys(GGUF_TYPES) as GgufType[])('a model written in %s', (type) => {
  test('has the tensors and the metadata of the llama architecture', async () => {
    const path = join(folder, `${type}.gguf`)
    await writeLlamaModel(path, config, type, weight)
    const { metadata, tensorInfos } = await gguf(path, { allowLocalFile: true })
    expect(metadata).toMatchObject({
      version: 3,
      'general.architecture': 'llama',
      'llama.embedding_length': 64,
      'llama.block_count': 2,
      'llama.attention.head_count_kv': 2,
      'llama.rope.dimension_count': 16,
      'tokenizer.ggml.model': 'llama',
    })
    expect(metadata).toHaveProperty(['tokenizer.ggml.tokens', 'length'], 300)
    expect(tensorInfos).toHaveLength(listWeights(config).size)
    const found = Object.fromEntries(tensorInfos.map(({ name, shape, dtype }) => [name, { shape, dtype }]))
    expect(found['blk.1.ffn_down.weight']).toEqual({ shape: [96n, 64n], dtype: GGMLQuantizationType[type] })
    expect(found['blk.0.attn_k.weight']).toEqual({ shape: [64n, 32n], dtype: GGMLQuantizationType[type] })
    expect(found['output_norm.weight']).toEqual({ shape: [64n], dtype: GGMLQuantizationType.F32 })
  })
})

test('layers other than dense ones are refused', async () => {
  const stem = createModelConfig({ ...config, feedForwards: ['dense', 'stem'] })
  await expect(writeLlamaModel(join(folder, 'stem.gguf'), stem, 'F16', weight)).rejects.toThrow("no 'stem' layers")
})
