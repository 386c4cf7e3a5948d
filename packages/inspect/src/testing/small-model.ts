import { compiledEngine, type Engine } from '@stemkit/compile'
import { nodeRuntime } from '@stemkit/compile/node'
import {
  createModelConfig,
  initializeWeights,
  type ModelConfig,
  type ModelOptions,
  type NamedArray,
} from '@stemkit/model'

/** The compiled engine on one thread. */
export const testEngine = (): Engine => compiledEngine(nodeRuntime(), { threads: 1 })

/** A small model of random weights with STEM in layers 1 and 2 of 3. */
export function smallModel(options: Partial<ModelOptions> = {}): {
  readonly config: ModelConfig
  readonly weights: Map<string, NamedArray>
} {
  const sizes = { vocabSize: 50, dim: 16, layers: 3, heads: 2, ffnHidden: 24, maxLength: 32 }
  const config = createModelConfig({ ...sizes, kind: 'stem', ...options })
  return { config, weights: initializeWeights(config, { seed: 3, tableInit: 'unit' }) }
}

export const tableName = (layer: number): string => `model.layers.${layer}.mlp.stem_table.weight`

/** Row `id` of a table in memory. */
export const rowOf = ({ shape, data }: NamedArray, id: number): number[] =>
  Array.from(data.subarray(id * shape[1]!, (id + 1) * shape[1]!))

/** In 64 bits, as the definition says. */
export function cosine(a: readonly number[], b: readonly number[]): number {
  const dot = (x: readonly number[], y: readonly number[]): number =>
    x.reduce((sum, value, k) => sum + value * y[k]!, 0)
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b))
}
