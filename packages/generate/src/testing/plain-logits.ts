import type { Engine } from '@stemkit/compile'
import { listWeights, tokenExperts, type CustomFeedForwards, type ModelConfig, type NamedArray } from '@stemkit/model'
import { forwardInputs, logitsGraph } from '../forward.ts'
import { openTableRows } from '../table-rows.ts'

export interface PlainOptions {
  readonly config: ModelConfig
  readonly weights: ReadonlyMap<string, NamedArray>
  readonly custom?: CustomFeedForwards | undefined
  readonly engine: Engine
}

/** Logits [T, V] of a sequence by one pass over all of it, with no cache: what every decoder has to give. */
export async function plainLogits(options: PlainOptions) {
  const { config, weights, custom, engine } = options
  const program = await engine.load(logitsGraph(options), forwardInputs(options))
  const rows = openTableRows(options)
  return async (tokens: readonly number[]): Promise<Float32Array> => {
    const ids = Int32Array.from(tokens)
    const { inverse, blocks } = await rows.gather(ids)
    const positions = ids.map((_, i) => i)
    const parameters = [...listWeights(config, custom)].flatMap(([name, { role }]) =>
      role === 'table' ? [] : [[name, weights.get(name)!.data] as const],
    )
    const feeds = { ids, positions, inverse, tokenExperts: tokenExperts(config, ids), at: positions, ...blocks }
    const { logits } = await program.run({ ...feeds, ...Object.fromEntries(parameters) })
    return logits as Float32Array
  }
}
