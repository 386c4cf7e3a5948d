import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { parseModelConfig } from './model-config.ts'
import { parseSafetensors } from './safetensors/parse.ts'
import { oracleFolder } from './testing/folders.ts'
import { infosOf, numberedWeights, smallConfig } from './testing/models.ts'
import { checkWeights, weightShapes } from './weight-shapes.ts'

const CASES = ['dense', 'stem-third', 'stem-half', 'stem-full', 'stem-full-docmask', 'gqa-stem', 'hash-moe', 'edit']

describe('the weights that a config asks for', () => {
  test.each(CASES)('are those of the reference case %s', (name) => {
    const config = parseModelConfig(JSON.parse(readFileSync(`${oracleFolder(name)}/config.json`, 'utf8')))
    const { tensors } = parseSafetensors(new Uint8Array(readFileSync(`${oracleFolder(name)}/weights.safetensors`)))
    expect(weightShapes(config)).toEqual(new Map(Array.from(tensors, ([key, { shape }]) => [key, shape])))
    checkWeights(config, tensors)
  })

  test('follow the forward pass', () => {
    const names = [...weightShapes(smallConfig({ feedForwards: ['dense', 'stem', 'hash_moe'], experts: 2 })).keys()]
    expect(names.slice(7, 10)).toEqual(
      ['gate_proj', 'up_proj', 'down_proj'].map((part) => `model.layers.0.mlp.${part}.weight`),
    )
    expect(names.filter((name) => name.includes('layers.1.mlp'))).toEqual(
      ['gate_proj', 'down_proj', 'stem_table'].map((part) => `model.layers.1.mlp.${part}.weight`),
    )
    expect(names.filter((name) => name.includes('experts.1'))).toHaveLength(3)
    expect([names[0], ...names.slice(-2)]).toEqual(['model.embed_tokens.weight', 'model.norm.weight', 'lm_head.weight'])
  })
})

describe('checking weights', () => {
  const config = smallConfig({ feedForwards: ['dense', 'stem', 'dense'] })
  const table = 'model.layers.1.mlp.stem_table.weight'

  test('names what is missing, unexpected, of another shape or no float, with both shapes', () => {
    const tensors = infosOf(numberedWeights(config))
    tensors.delete('model.norm.weight')
    tensors.set(table, { dtype: 'F32', shape: [40, 6] })
    tensors.set('lm_head.weight', { dtype: 'I8', shape: [40, 16] })
    tensors.set('bias', { dtype: 'F32', shape: [16] })
    expect(() => checkWeights(config, tensors)).toThrow(
      `the weights do not fit the config: ${table} is [40, 6] instead of [40, 24]; model.norm.weight [16] is missing; ` +
        'lm_head.weight is I8, but weights are floats; "bias" [16] is not expected',
    )
  })

  test('stays one line where everything is wrong', () => {
    expect(() => checkWeights(config, new Map())).toThrow(/is missing; and 26 more$/u)
  })

  test('tables may be absent where a store holds them', () => {
    const tensors = infosOf(numberedWeights(config))
    tensors.delete(table)
    expect(() => checkWeights(config, tensors)).toThrow(`${table} [40, 24] is missing`)
    checkWeights(config, tensors, { optionalTables: true })
  })

  test("a user's own feed-forward has weights of its own, in its layer only", () => {
    const own = smallConfig({ feedForwards: ['dense', 'mine', 'dense'] })
    const tensors = infosOf(numberedWeights(own))
    tensors.set('model.layers.1.mlp.keys', { dtype: 'F32', shape: [7] })
    checkWeights(own, tensors)
    tensors.set('model.layers.0.mlp.keys', { dtype: 'F32', shape: [7] })
    expect(() => checkWeights(own, tensors)).toThrow('"model.layers.0.mlp.keys" [7] is not expected')
  })
})
