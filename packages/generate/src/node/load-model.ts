import { availableParallelism } from 'node:os'
import { compiledEngine, eagerEngine, type Engine } from '@stemkit/compile'
import { nodeRuntime } from '@stemkit/compile/node'
import type { CustomFeedForwards, ModelConfig, NamedArray } from '@stemkit/model'
import { StemkitError } from '@stemkit/spec/errors'
import type { Tokenizer } from '@stemkit/spec/tokenizer'
import type { RowStore } from '@stemkit/store'
import { useBackend } from '@stemkit/tensor'
import { loadTokenizerFolder } from '@stemkit/tokenizer/node'
import {
  byteLength,
  findPacked,
  readPacked,
  toFloat32,
  toTypedArray,
  type PackedInfo,
  type Tensor,
  type TensorSource,
} from '@stemkit/weights'
import { readModelFolder } from '@stemkit/weights/node'
import { floatsOf } from '../floats-of.ts'
import { createModel, type Model, type ModelWeight, type ServingOptions } from '../model.ts'
import { openTablesAt, openTablesOf, type OpenModelRowsOptions, type OpenTables } from './model-rows.ts'

export interface ReadModelOptions {
  /** Whether tables may be missing, whose rows are elsewhere. Default false. */
  readonly optionalTables?: boolean | undefined
  readonly signal?: AbortSignal | undefined
  /** Told after every tensor. */
  readonly onProgress?: ((progress: { readonly bytes: number; readonly totalBytes: number }) => void) | undefined
}

/** What a model folder holds, in memory. */
export interface ModelFiles {
  readonly config: ModelConfig
  readonly weights: Map<string, NamedArray>
  readonly tokenizer: Tokenizer | undefined
}

/**
 * Reads a model folder: `config.json`, the tensors, and `tokenizer.json` where there is one. Weights of any type become
 * float32.
 * @throws not-found, bad-input, unsupported, corrupt or io, with one line that names the file; the reason of `signal`
 */
export async function readModel(folder: string, options: ReadModelOptions = {}): Promise<ModelFiles> {
  const files = await readFiles(folder, options)
  const weights = new Map<string, NamedArray>()
  for (const [name, weight] of files.weights) {
    weights.set(name, { shape: weight.shape, data: floatsOf(weight) })
  }
  return { ...files, weights }
}

/** As `readModel`, but packed matrices stay packed, and matrices of half precision half. */
async function readFiles(
  folder: string,
  { signal, onProgress, optionalTables = false }: ReadModelOptions,
): Promise<Omit<ModelFiles, 'weights'> & { readonly weights: Map<string, ModelWeight> }> {
  const options = signal ? { signal } : {}
  const files = await readModelFolder(folder, { ...options, optionalTables })
  try {
    const { config, tensors, tokenizerPath } = files
    const totalBytes = [...tensors.tensors.values()].reduce((sum, info) => sum + byteLength(info), 0)
    let bytes = 0
    const source: TensorSource = {
      tensors: tensors.tensors,
      async read(name, how) {
        const tensor = await tensors.read(name, how)
        bytes += tensor.data.byteLength
        onProgress?.({ bytes, totalBytes })
        return tensor
      },
    }
    const packed = findPacked(tensors.tensors)
    const weights = new Map<string, ModelWeight>()
    for (const [name, info] of packed) weights.set(name, await readPacked(source, name, info, options))
    for (const name of tensors.tensors.keys()) {
      if (partOf(name, packed)) continue
      weights.set(name, asWeight(name, await source.read(name, options)))
    }
    const tokenizer = tokenizerPath === undefined ? undefined : await loadTokenizerFolder(tokenizerPath, options)
    if (tokenizer && tokenizer.vocabSize > config.vocabSize) {
      throw new StemkitError(
        'bad-input',
        `${tokenizerPath}: the tokenizer has ids up to ${tokenizer.vocabSize - 1}, the model only ${config.vocabSize} rows (a vocabulary of ${tokenizer.vocabSize} against ${config.vocabSize}); use the tokenizer that the model was trained with`,
      )
    }
    return { config, weights, tokenizer }
  } finally {
    await files.dispose()
  }
}

/** Half a table or matrix takes half the memory; norms are small, and products with BF16 are not computed. */
function asWeight(name: string, tensor: Tensor): ModelWeight {
  const { dtype, shape } = tensor
  const isTable = name.endsWith('.stem_table.weight')
  if (dtype === 'F16' && shape.length > 1) return { shape, data: toTypedArray({ ...tensor, dtype }) }
  if (dtype === 'BF16' && isTable) return { dtype: 'bf16', shape, data: toTypedArray({ ...tensor, dtype }) }
  return { shape, data: toFloat32(tensor) }
}

/** Packed matrices are two tensors each. */
const partOf = (tensor: string, packed: ReadonlyMap<string, PackedInfo>): boolean =>
  packed.has(tensor.replace(/\.(q[48]|scale)$/u, ''))

export interface LoadModelOptions
  extends Omit<ReadModelOptions, 'optionalTables'>, OpenModelRowsOptions, ServingOptions {
  /**
   * Where the rows of the tables are: a URL, as in `file:./rows`, or a store, which the model then owns. Default: where the
   * folder's `rows.json` says, else the tables among its weights.
   */
  readonly store?: string | RowStore | undefined
  /**
   * `cpu`: compiled, on ONNX Runtime. `webgpu`: on the tfjs backend of that name, whose package must have been imported.
   * Default `cpu`.
   */
  readonly device?: 'cpu' | 'webgpu' | undefined
  /** Threads that compute, on `cpu`. Default: as many as the machine has cores. */
  readonly threads?: number | undefined
  /** What computes, instead of `device`. */
  readonly engine?: Engine | undefined
  /** Feed-forwards of your own that the config names. */
  readonly custom?: CustomFeedForwards | undefined
}

/**
 * Loads a model folder, ready to run.
 * @throws as `readModel`; unsupported or not-found where the device is not there
 */
export async function loadModel(folder: string, options: LoadModelOptions = {}): Promise<Model> {
  const engine = options.engine ?? (await openDevice(options))
  const { rows, openOverlay } = await openTables(folder, options)
  try {
    const files = await readFiles(folder, { ...options, optionalTables: rows !== undefined })
    return await createModel({ ...options, ...files, engine, rows, openOverlay })
  } catch (error) {
    await rows?.dispose()
    throw error
  }
}

async function openTables(folder: string, { store, ...options }: LoadModelOptions): Promise<Partial<OpenTables>> {
  if (store === undefined) return (await openTablesOf(folder, options)) ?? {}
  return typeof store === 'string' ? openTablesAt({ url: store }, options) : { rows: store }
}

async function openDevice({ device = 'cpu', threads = availableParallelism() }: LoadModelOptions): Promise<Engine> {
  if (device === 'cpu') return compiledEngine(nodeRuntime(), { threads })
  await useBackend(device)
  return eagerEngine()
}
