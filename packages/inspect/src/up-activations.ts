import type { Engine, InputSpec } from '@stemkit/compile'
import {
  feedForwardDefinition,
  listWeights,
  tokenExperts,
  transformer,
  type CustomFeedForwards,
  type FeedForward,
  type ModelConfig,
  type NamedArray,
} from '@stemkit/model'
import { StemkitError } from '@stemkit/spec/errors'
import { cast, gatedFfn, greater, keep, linear, MASKED, mul, reshape } from '@stemkit/tensor'
import type { Tensor, Tensor1D, Tensor2D, Tensor4D } from '@stemkit/tensor'
import { seededRandom } from './random.ts'
import type { Tables } from './tables.ts'

/** A model whose weights are in memory, as `readModel` of `@stemkit/generate/node` gives it. */
export interface ReadableModel {
  readonly config: ModelConfig
  readonly weights: ReadonlyMap<string, NamedArray>
  readonly custom?: CustomFeedForwards | undefined
}

export interface UpActivationsOptions {
  readonly engine: Engine
  /** Token ids of texts, each of which begins anew. What is longer than the model's length is taken in pieces of that. */
  readonly sequences: readonly ArrayLike<number>[]
  /** The layers to look at. Default: all dense ones. */
  readonly layers?: readonly number[] | undefined
  /** Of the choice of one occurrence. Default 0. */
  readonly seed?: number | undefined
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((done: number) => void) | undefined
}

/** What the up-projection of a dense model gives for the tokens of a text, as tables whose rows are token ids. */
export interface UpActivations {
  /** Tokens that occur, ascending: the only rows that there are. */
  readonly tokens: Uint32Array
  /** Positions that were computed. */
  readonly positions: number
  /** The mean of Wu x over a token's occurrences. */
  readonly mean: Tables
  /** Wu x of one occurrence of each token, drawn with equal chances: a mean hides how much the context moves it. */
  readonly single: Tables
}

/**
 * Runs a dense model over texts and keeps Wu x, what STEM replaces by the row of the token. All is held in memory: 8 bytes per
 * distinct token, layer and unit of the feed-forward.
 * @throws bad-input for a model with tables, a layer that is not dense, or texts without tokens
 */
export async function upActivations(model: ReadableModel, options: UpActivationsOptions): Promise<UpActivations> {
  const { config } = model
  const { sequences, engine, seed = 0, signal, onProgress } = options
  const layers = layersAsked(model, options.layers)
  const tokens = Uint32Array.from(new Set(sequences.flatMap((ids) => Array.from(ids)))).toSorted()
  if (tokens.length === 0) throw new StemkitError('bad-input', 'inspect: the texts have no tokens')
  const { length, vocabSize } = { length: tokens.length, ...config }
  if (tokens.at(-1)! >= vocabSize) {
    throw new StemkitError('bad-input', `inspect: token ${tokens.at(-1)} is beyond the vocabulary of ${vocabSize}`)
  }
  const placeOf = new Map(Array.from(tokens, (id, place) => [id, place]))
  const seen = new Float64Array(length)
  const width = config.ffnHidden
  const mean = layers.map(() => new Float32Array(length * width))
  const single = layers.map(() => new Float32Array(length * width))
  const random = seededRandom(seed)

  const program = await engine.load(captureGraph(model, layers), captureInputs(model))
  const weights = Object.fromEntries(Array.from(model.weights, ([name, { data }]) => [name, data]))
  const pieces = sequences.flatMap((ids) => piecesOf(Int32Array.from(ids), config.maxLength))
  let positions = 0
  try {
    for (const [done, ids] of pieces.entries()) {
      signal?.throwIfAborted()
      const feeds = { ids, positions: ids.map((_, at) => at), tokenExperts: tokenExperts(config, ids), ...weights }
      const found = await program.run(feeds, signal ? { signal } : {})
      for (const [at, id] of ids.entries()) {
        const place = placeOf.get(id)!
        const count = ++seen[place]!
        const chosen = random() * count < 1
        for (const [l, layer] of layers.entries()) {
          const up = found[upName(layer)] as Float32Array
          for (let k = 0; k < width; k++) {
            const value = up[at * width + k]!
            mean[l]![place * width + k]! += (value - mean[l]![place * width + k]!) / count
            if (chosen) single[l]![place * width + k] = value
          }
        }
      }
      positions += ids.length
      onProgress?.((done + 1) / pieces.length)
    }
  } finally {
    await program.dispose()
  }
  const asTables = (arrays: readonly Float32Array[]): Tables => ({
    layers,
    rows: vocabSize,
    width,
    async gather(ids, into) {
      for (const [l, array] of arrays.entries()) {
        for (const [i, id] of ids.entries()) {
          const place = placeOf.get(id)
          if (place === undefined) {
            throw new StemkitError('not-found', `inspect: token ${id} does not occur in the texts`)
          }
          into.set(array.subarray(place * width, (place + 1) * width), (l * ids.length + i) * width)
        }
      }
    },
  })
  return { tokens, positions, mean: asTables(mean), single: asTables(single) }
}

function layersAsked({ config, custom }: ReadableModel, asked: readonly number[] | undefined): readonly number[] {
  const table = [...listWeights(config, custom)].find(([, { role }]) => role === 'table')
  if (table) {
    throw new StemkitError('bad-input', `inspect: a dense model is needed to compare with; this one has ${table[0]}`)
  }
  const dense = config.feedForwards.flatMap((kind, layer) => (kind === 'dense' ? [layer] : []))
  const wrong = asked?.find((layer) => !dense.includes(layer))
  if (wrong !== undefined || dense.length === 0) {
    throw new StemkitError(
      'bad-input',
      `inspect: layer ${wrong ?? 0} of the model to compare with is ${config.feedForwards[wrong ?? 0] ?? 'not there'}, not dense`,
    )
  }
  return asked ?? dense
}

const upName = (layer: number): string => `up.${layer}`

function captureInputs({ config, custom }: ReadableModel): Record<string, InputSpec> {
  const positions: InputSpec = { dtype: 'int32', shape: ['T'] }
  const inputs: Record<string, InputSpec> = { ids: positions, positions, tokenExperts: positions }
  for (const [name, { shape }] of listWeights(config, custom)) inputs[name] = { dtype: 'float32', shape }
  return inputs
}

/** A graph for every length is recorded at lengths of about a hundred, whatever the model's own. */
const RECORDED = 128

/** `up.<layer>` [T, w] of each layer, as the forward pass comes by. */
function captureGraph({ config: own, custom }: ReadableModel, layers: readonly number[]) {
  const config = { ...own, maxLength: Math.max(own.maxLength, RECORDED) }
  return (inputs: Record<string, Tensor>): Record<string, Tensor> => {
    const captured: Record<string, Tensor> = {}
    const ids = reshape(inputs['ids']!, [1, -1]) as Tensor2D
    const positions = reshape(inputs['positions']!, [1, -1]) as Tensor2D
    const feedForwards = config.feedForwards.map((kind, layer): FeedForward => {
      const weight = (name: string): Tensor => inputs[`model.layers.${layer}.mlp.${name}`]!
      if (!layers.includes(layer)) {
        const experts = inputs['tokenExperts'] as Tensor1D
        return feedForwardDefinition(kind, custom).build(weight, { config, layer, tokenExperts: experts })
      }
      const [gate, up, down] = ['gate_proj', 'up_proj', 'down_proj'].map((name) => weight(`${name}.weight`) as Tensor2D)
      return (x) => {
        // Kept, because the forward pass lets go of all that it does not return.
        const activations = keep(linear(x, up!))
        captured[upName(layer)] = activations
        return { y: gatedFfn(x, activations, { gate: gate!, down: down! }) }
      }
    })
    transformer(config, inputs, { ids, positions, mask: causal(positions) }, feedForwards)
    return captured
  }
}

/** From positions, so that T need not be known when the graph is recorded. */
function causal(positions: Tensor2D): Tensor4D {
  const later = greater(reshape(positions, [1, 1, 1, -1]), reshape(positions, [1, 1, -1, 1]))
  return mul(cast(later, 'float32'), MASKED)
}

const piecesOf = (ids: Int32Array, length: number): Int32Array[] =>
  Array.from({ length: Math.ceil(ids.length / length) }, (_, i) => ids.subarray(i * length, (i + 1) * length))
