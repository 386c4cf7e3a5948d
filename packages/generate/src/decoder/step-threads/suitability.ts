import type { FrozenWeight } from '@stemkit/compile'
import { fromBase64 } from '@stemkit/threads'
import { plainModule } from '../../../generated/step-wasm.ts'
import { layOut, MOST_TOKENS } from './layout.ts'
import { kindOf, type Kind } from './place-matrix.ts'
import type { OpenStepThreadsOptions } from './step-threads.ts'

/**
 * Tokens of a step up to which the threads are faster than the engine, by what most of the matrices are: reading 4 bits is so fast that
 * arithmetic of some tokens fits beside it, and the engine computes with half precision as if it were float32, which is twice the bytes.
 */
const MOST: Readonly<Record<Kind, number>> = { bits4: MOST_TOKENS, bits8: 1, float16: 1, float32: 0 }

/** Least columns of a block, which are multiplied at once. */
const LEAST_BLOCK = { 4: 32, 8: 8 } as const

/** Tokens of a step that the threads are to compute at most; 0 where they are no faster. */
export function mostTokensOf(weights: Readonly<Record<string, FrozenWeight>>): number {
  const bytes: Record<Kind, number> = { bits4: 0, bits8: 0, float16: 0, float32: 0 }
  for (const weight of Object.values(matricesOf(weights))) bytes[kindOf(weight)] += weight.data.byteLength
  const kinds = Object.keys(bytes) as Kind[]
  return MOST[kinds.reduce((most, kind) => (bytes[kind] > bytes[most] ? kind : most))]
}

/**
 * Why the threads do not compute such a model, if so: feed-forwards other than dense and STEM, packed blocks that the kernels do not
 * know, a platform without relaxed SIMD, more memory than 32 bits address, or matrices that they read no faster than the engine.
 */
export function unsuitedForThreads(options: OpenStepThreadsOptions): string | undefined {
  const { config, weights, threads, scales } = options
  const other = config.feedForwards.find((kind) => kind !== 'dense' && kind !== 'stem')
  if (other !== undefined) return `it has feed-forwards of kind '${other}'`
  if (mostTokensOf(weights) === 0) return 'its matrices are in float32'
  for (const [name, weight] of Object.entries(matricesOf(weights))) {
    if ('bits' in weight && weight.block < LEAST_BLOCK[weight.bits]) return `'${name}' is in blocks of ${weight.block}`
  }
  for (const layer of config.feedForwards.keys()) {
    const [gate, up] = ['gate', 'up'].map((name) => weights[`model.layers.${layer}.mlp.${name}_proj.weight`])
    if (gate && up && formOf(gate) !== formOf(up)) return `gate and up projection of layer ${layer} are not of one type`
  }
  if (!WebAssembly.validate(fromBase64(plainModule))) return 'WebAssembly has no relaxed SIMD here'
  const { bytes } = layOut({ ...options, threads: Math.max(1, threads), isSmallCache: scales !== undefined })
  return bytes > 2 ** 32 ? `it takes ${(bytes / 2 ** 30).toFixed(1)} GB; WebAssembly ends at 4.0 GB` : undefined
}

/** All that is multiplied with. */
const matricesOf = (weights: Readonly<Record<string, FrozenWeight>>): Record<string, FrozenWeight> =>
  Object.fromEntries(
    Object.entries(weights).filter(([name, { shape }]) => shape.length === 2 && name !== 'model.embed_tokens.weight'),
  )

/** Two matrices of one form take the same inputs. */
const formOf = (weight: FrozenWeight): string => `${kindOf(weight)} ${'block' in weight ? weight.block : ''}`
