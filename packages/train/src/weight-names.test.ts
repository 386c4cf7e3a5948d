import { createModelConfig, listWeights, presets } from '@stemkit/model'
import { weightShapes } from '@stemkit/weights'
import { expect, test } from 'vitest'

// Files are checked without the model's code, and the model runs without files: both know the names, and must agree.
test.each([
  ...Object.entries(presets).map(([name, preset]) => [name, { vocabSize: 100, ...preset }] as const),
  ['a mixture', { vocabSize: 100, dim: 32, heads: 4, kvHeads: 2, layers: 3, kind: 'hash_moe', experts: 4 }] as const,
])('the weights that a file must hold are those that the model asks for: %s', (_, options) => {
  const config = createModelConfig(options)
  const asked = [...listWeights(config)].map(([name, { shape }]) => [name, shape] as const)
  const byName = (entries: readonly (readonly [string, readonly number[]])[]) => Object.fromEntries(entries)
  expect(byName([...weightShapes(config)])).toEqual(byName(asked))
})
