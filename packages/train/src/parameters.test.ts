import { createModelConfig } from '@stemkit/model'
import { expect, test } from 'vitest'
import { layOutParameters } from './parameters.ts'

test('says how many parameters fit when a model is too large', () => {
  const shape = { vocabSize: 100_000, dim: 1024, layers: 12, heads: 16, ffnHidden: 4096, maxLength: 16 }
  const config = createModelConfig({ ...shape, kind: 'dense' })
  const options = {
    config,
    treatment: 'lazy',
    rowOptimizer: 'adamw',
    positions: 16,
    mostRows: 16,
    accumulates: false,
  } as const
  expect(() => layOutParameters({ ...options, shared: true })).toThrow(
    /^optimiser memory: .* GB asked, WebAssembly ends at 4\.0 GB, which is 268435456 parameters .*; make the model/,
  )
})
