import { exportOnnx, type InputSpec, type TensorFunction } from '@stemkit/compile'
import {
  buildFeedForwards,
  listWeights,
  logits,
  tokenExperts,
  transformer,
  type CustomFeedForwards,
  type ModelConfig,
  type NamedArray,
} from '@stemkit/model'
import { StemkitError } from '@stemkit/spec/errors'
import { add, gather, reshape, slice, tensor, tensor1d, zerosLike } from '@stemkit/tensor'
import type { Tensor, Tensor1D, Tensor2D } from '@stemkit/tensor'
import { causalMaskOf } from './forward.ts'

export interface ExportOnnxOptions {
  readonly config: ModelConfig
  /** Every weight by name. With `tables: 'inputs'` the tables may be left out. */
  readonly weights: ReadonlyMap<string, NamedArray>
  /** A fixed number of tokens T. Default: T may be any number up to the model's length. */
  readonly length?: number | undefined
  /**
   * `inside`: the file holds the tables and needs nothing but token ids. `inputs`: the caller looks the rows up and feeds
   * them, which keeps the tables (most of a STEM model's bytes) out of the file. Default `inside`.
   */
  readonly tables?: 'inside' | 'inputs' | undefined
  readonly custom?: CustomFeedForwards | undefined
}

/** Protocol buffers end at 2 GiB; the graph itself takes some of it. */
const LARGEST_FILE = 2 ** 31 - 2 ** 24

/**
 * The bytes of an `.onnx` file of the forward pass, which any ONNX Runtime runs:
 *
 * - input `input_ids`, int32 [B, T]; output `logits`, float32 [B, T, V]
 * - with `tables: 'inputs'` also `inverse`, int32 [B, T], the row of each position among the rows that are fed, and these
 *   rows, float32 [U, d_ff], under the name of each table
 *
 * The weights are float32 initialisers, and the config stands in the metadata under `stemkit.config`.
 * @throws bad-input for a length out of range or a missing weight; unsupported for a file beyond 2 GiB
 */
export function exportOnnxModel(options: ExportOnnxOptions): Uint8Array {
  const { config, length, tables = 'inside', custom } = options
  if (length !== undefined && !(Number.isInteger(length) && length >= 1 && length <= config.maxLength)) {
    throw new StemkitError(
      'bad-input',
      `export: length is ${length}, but must be in 1..${config.maxLength}, the model's length`,
    )
  }
  const T = length ?? 'T'
  const inputs: Record<string, InputSpec> = { input_ids: { dtype: 'int32', shape: ['B', T] } }
  const constants: Record<string, NamedArray> = {}
  let bytes = 0
  for (const [name, { shape, role }] of listWeights(config, custom)) {
    if (role === 'table' && tables === 'inputs') {
      inputs['inverse'] = { dtype: 'int32', shape: ['B', T] }
      inputs[name] = { dtype: 'float32', shape: ['U', shape[1]!] }
      continue
    }
    const weight = options.weights.get(name)
    if (!weight) throw new StemkitError('bad-input', `export: the weights have no '${name}', which the config asks for`)
    constants[name] = weight
    bytes += weight.data.byteLength
  }
  if (bytes > LARGEST_FILE) {
    const size = (bytes / 2 ** 30).toFixed(1)
    const advice = tables === 'inside' ? 'leave the tables out of it' : 'export a smaller model'
    throw new StemkitError(
      'unsupported',
      `export: the file would have ${size} GiB, but ONNX files end at 2 GiB; ${advice}`,
    )
  }
  return exportOnnx(forward(options, constants), inputs, { 'stemkit.config': JSON.stringify(config) })
}

function forward(
  { config, custom }: ExportOnnxOptions,
  constants: Readonly<Record<string, NamedArray>>,
): TensorFunction {
  const { vocabSize } = config
  const experts = config.feedForwards.includes('hash_moe')
    ? tokenExperts(
        config,
        Int32Array.from({ length: vocabSize }, (_, id) => id),
      )
    : undefined
  return (inputs) => {
    const ids = inputs['input_ids'] as Tensor2D
    const flatIds = reshape(ids, [-1]) as Tensor1D
    const held = Object.entries(constants).map(([name, { data, shape }]) => [name, tensor(data, [...shape])] as const)
    const weights: Record<string, Tensor> = { ...inputs, ...Object.fromEntries(held) }
    const feedForwards = buildFeedForwards(config, weights, {
      // A table that is inside is a block of all V rows, in which a token's row is its id.
      inverse: inputs['inverse'] ? reshape(inputs['inverse'], [-1]) : flatIds,
      ...(experts ? { tokenExperts: gather(tensor1d(experts, 'int32'), flatIds) } : {}),
      ...(custom ? { custom } : {}),
    })
    const order = tensor1d(
      Int32Array.from({ length: config.maxLength }, (_, i) => i),
      'int32',
    )
    const row = reshape(slice(order, [0], [ids.shape[1]]), [1, -1]) as Tensor2D
    const positions = add(zerosLike(ids), row) as Tensor2D
    const { hidden } = transformer(config, weights, { ids, positions, mask: causalMaskOf(row) }, feedForwards)
    return { logits: reshape(logits(weights, hidden), [...ids.shape, vocabSize]) }
  }
}
