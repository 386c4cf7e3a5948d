import { availableParallelism } from 'node:os'
import { compiledEngine, eagerEngine, type Engine } from '@stemkit/compile'
import { nodeRuntime } from '@stemkit/compile/node'
import type { CustomFeedForwards, ModelConfig, NamedArray } from '@stemkit/model'
import { StemkitError } from '@stemkit/spec/errors'
import type { Tokenizer } from '@stemkit/spec/tokenizer'
import type { RowStore } from '@stemkit/store'
import { useBackend } from '@stemkit/tensor'
import { loadTokenizerFolder } from '@stemkit/tokenizer/node'
import { byteLength, toFloat32 } from '@stemkit/weights'
import { readModelFolder } from '@stemkit/weights/node'
import { createModel, type Model, type ServingOptions } from '../model.ts'
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
 * Reads a model folder: `config.json`, the tensors, and `tokenizer.json` where there is one. Weights of any float type
 * become float32.
 * @throws not-found, bad-input, unsupported, corrupt or io, with one line that names the file; the reason of `signal`
 */
export async function readModel(
  folder: string,
  { signal, onProgress, optionalTables = false }: ReadModelOptions = {},
): Promise<ModelFiles> {
  const options = signal ? { signal } : {}
  const files = await readModelFolder(folder, { ...options, optionalTables })
  try {
    const { config, tensors, tokenizerPath } = files
    const infos = [...tensors.tensors]
    const totalBytes = infos.reduce((sum, [, info]) => sum + byteLength(info), 0)
    let bytes = 0
    const weights = new Map<string, NamedArray>()
    for (const [name, info] of infos) {
      weights.set(name, { shape: info.shape, data: toFloat32(await tensors.read(name, options)) })
      bytes += byteLength(info)
      onProgress?.({ bytes, totalBytes })
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
    const files = await readModel(folder, { ...options, optionalTables: rows !== undefined })
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
