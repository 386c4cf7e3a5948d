import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { compiledEngine, eagerEngine, type Engine } from '@stemkit/compile'
import { nodeRuntime } from '@stemkit/compile/node'
import type { CustomFeedForwards, ModelConfig, NamedArray } from '@stemkit/model'
import type { Tokenizer } from '@stemkit/spec/tokenizer'
import type { HttpOptions, RowStore } from '@stemkit/store'
import { useBackend } from '@stemkit/tensor'
import { spawnWorker } from '@stemkit/threads/node'
import { loadTokenizerFolder } from '@stemkit/tokenizer/node'
import { readModelFolder } from '@stemkit/weights/node'
import { checkTokenizer } from '../check-tokenizer.ts'
import type { StepThreadsOptions } from '../decoder/create-decoder.ts'
import { floatsOf } from '../floats-of.ts'
import { loadRemoteModel } from '../load-remote-model.ts'
import { readWeights } from '../read-weights.ts'
import { createModel, type Model, type ModelWeight, type ServingOptions } from '../model.ts'
import type { OpenTables } from '../rows/open-tables.ts'
import { openTablesAt, openTablesOf, type OpenModelRowsOptions } from './model-rows.ts'

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
    const weights = await readWeights(tensors, { atOnce: 1, signal, onProgress })
    const tokenizer = tokenizerPath === undefined ? undefined : await loadTokenizerFolder(tokenizerPath, options)
    if (tokenizer) checkTokenizer(tokenizerPath!, tokenizer, config)
    return { config, weights, tokenizer }
  } finally {
    await files.dispose()
  }
}

export interface LoadModelOptions
  extends Omit<ReadModelOptions, 'optionalTables'>, OpenModelRowsOptions, ServingOptions, HttpOptions {
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
  /**
   * Whether threads of the model's own compute steps of few tokens where its matrices have 4, 8 or 16 bits: up to half as fast again for
   * one text at a time, and as much memory again as the matrices take. Default true on `cpu` with no `engine` given.
   */
  readonly stepThreads?: boolean | StepThreadsOptions | undefined
  /** Feed-forwards of your own that the config names. */
  readonly custom?: CustomFeedForwards | undefined
}

/**
 * Loads a model folder, ready to run, or one at a URL (`http:` or `https:`) as `loadRemoteModel` does.
 * @throws as `readModel`; unsupported or not-found where the device is not there
 */
export async function loadModel(folder: string | URL, options: LoadModelOptions = {}): Promise<Model> {
  const engine = options.engine ?? (await openDevice(options))
  const opened: OpenedOptions = { ...options, engine, stepThreads: stepThreadsOf(options) }
  if (folder instanceof URL ? folder.protocol !== 'file:' : /^https?:/iu.test(folder)) {
    return loadRemoteModel(folder, opened)
  }
  return loadFolder(folder instanceof URL ? fileURLToPath(folder) : folder, opened)
}

interface OpenedOptions extends Omit<LoadModelOptions, 'stepThreads'> {
  readonly engine: Engine
  readonly stepThreads: StepThreadsOptions | undefined
}

/** More threads than this read no faster from memory. */
const MOST_STEP_THREADS = 8

function stepThreadsOf({ stepThreads, engine, device = 'cpu', threads }: LoadModelOptions) {
  if (typeof stepThreads === 'object') return stepThreads
  const isWanted = stepThreads ?? (engine === undefined && device === 'cpu')
  if (!isWanted) return undefined
  return { threads: Math.min(MOST_STEP_THREADS, threads ?? availableParallelism()), spawn: spawnWorker }
}

async function loadFolder(folder: string, options: OpenedOptions): Promise<Model> {
  const { rows, openOverlay } = await openTables(folder, options)
  try {
    const files = await readFiles(folder, { ...options, optionalTables: rows !== undefined })
    return await createModel({ ...options, ...files, rows, openOverlay })
  } catch (error) {
    await rows?.dispose()
    throw error
  }
}

async function openTables(folder: string, { store, ...options }: OpenedOptions): Promise<Partial<OpenTables>> {
  if (store === undefined) return (await openTablesOf(folder, options)) ?? {}
  return typeof store === 'string' ? openTablesAt({ url: store }, options) : { rows: store }
}

async function openDevice({ device = 'cpu', threads = availableParallelism() }: LoadModelOptions): Promise<Engine> {
  if (device === 'cpu') return compiledEngine(nodeRuntime(), { threads })
  await useBackend(device)
  return eagerEngine()
}
