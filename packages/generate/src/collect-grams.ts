import { compile, type FrozenWeights, type Runtime, type SessionOptions } from '@stemkit/compile'
import { listWeights, tokenExperts, type CustomFeedForwards, type ModelConfig, type NamedArray } from '@stemkit/model'
import { StemkitError } from '@stemkit/spec/errors'
import { forwardInputs, logitsGraph } from './forward.ts'
import type { TableRows } from './table-rows.ts'

export interface CollectGramsOptions {
  readonly config: ModelConfig
  readonly weights: ReadonlyMap<string, NamedArray>
  readonly custom?: CustomFeedForwards | undefined
  /** Stays the caller's. */
  readonly rows: TableRows
  readonly runtime: Runtime
  readonly session?: SessionOptions | undefined
  /** Token ids of texts to run the model over, each at most of the model's length. */
  readonly sequences: readonly (readonly number[])[]
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: { readonly sequences: number; readonly total: number }) => void) | undefined
}

/**
 * What inputs the matrices of a model meet: by name, x x^T [K, K] summed over the positions of sample texts, for `packTensors`. Weights
 * that share their input share the array; all of them take 4 K^2 bytes each.
 * @throws bad-input without sequences; what the runtime and the rows throw; the reason of `signal`
 */
export async function collectGrams(options: CollectGramsOptions): Promise<Map<string, Float32Array>> {
  const { config, weights, custom, rows, runtime, session, sequences, signal, onProgress } = options
  if (sequences.length === 0) throw new StemkitError('bad-input', 'grams: there is no text to run the model over')
  const frozen: Record<string, NamedArray> = {}
  const matrices: string[] = []
  for (const [name, { role }] of listWeights(config, custom)) {
    if (role === 'table') continue
    frozen[name] = weights.get(name)!
    if (role === 'matrix') matrices.push(name)
  }
  const inputs = Object.fromEntries(
    Object.entries(forwardInputs({ config, custom })).filter(([name]) => !Object.hasOwn(frozen, name)),
  )
  const program = await compile(logitsGraph({ config, custom }), {
    inputs,
    frozen: frozen satisfies FrozenWeights,
    grams: matrices,
    runtime,
    ...(session && { session }),
  })
  const sums = new Map<string, Float32Array>()
  try {
    for (const [i, sequence] of sequences.entries()) {
      signal?.throwIfAborted()
      const ids = Int32Array.from(sequence)
      const { inverse, blocks } = await rows.gather(ids, { signal })
      const positions = ids.map((_, at) => at)
      const feeds = { ids, positions, inverse, tokenExperts: tokenExperts(config, ids), at: positions, ...blocks }
      const found = await program.run(feeds, signal ? { signal } : {})
      for (const output of new Set(program.grams.values())) {
        const gram = found[output] as Float32Array
        const sum = sums.get(output)
        if (sum === undefined) sums.set(output, gram)
        else for (let k = 0; k < sum.length; k++) sum[k]! += gram[k]!
      }
      onProgress?.({ sequences: i + 1, total: sequences.length })
    }
  } finally {
    await program.dispose()
  }
  return new Map([...program.grams].map(([name, output]) => [name, sums.get(output)!]))
}
