import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { StemkitError } from '@stemkit/spec/errors'
import type { ModelConfig } from '@stemkit/spec/model-config'
import { parseModelConfig, serializeModelConfig } from '../model-config.ts'
import { checkWeights, type CheckOptions } from '../weight-shapes.ts'
import type { TensorReader } from '../byte-file.ts'
import { inFile } from '../in-file.ts'
import { makeFolder } from './make-folder.ts'
import { openModelTensors } from './model-tensors.ts'
import { asSource, type Tensors } from './safetensors-file.ts'
import { saveModelFiles, type SaveModelOptions } from './save-model-files.ts'
import { listFolder, readJsonFile } from './small-file.ts'

/** A model on the disk. `dispose` closes its files. */
export interface ModelFolder {
  readonly config: ModelConfig
  readonly tensors: TensorReader
  /** Its tokenizer.json, where it has one. */
  readonly tokenizerPath?: string
  dispose(): Promise<void>
}

/**
 * Opens a model folder: `config.json`, the tensors (`model.safetensors`, `weights.safetensors` or shards), and
 * perhaps `tokenizer.json`. Names and shapes are compared with the config; no numbers are read yet.
 * @throws not-found, bad-input, unsupported, corrupt or io, with one line that names the file
 */
export async function readModelFolder(
  folder: string,
  { signal, ...check }: CheckOptions & { readonly signal?: AbortSignal } = {},
): Promise<ModelFolder> {
  const configPath = join(folder, 'config.json')
  const json = await readJsonFile(configPath, signal).catch((error: unknown) => Promise.reject(hinted(error, folder)))
  const config = inFile(configPath, () => parseModelConfig(json))
  const tokenizer = (await listFolder(folder)).find((file) => file === 'tokenizer.json')
  const tensors = await openModelTensors(folder, signal ? { signal } : {})
  try {
    inFile(folder, () => checkWeights(config, tensors.tensors, check))
  } catch (error) {
    await tensors.dispose()
    throw error
  }
  return {
    config,
    tensors,
    ...(tokenizer !== undefined && { tokenizerPath: join(folder, tokenizer) }),
    dispose: () => tensors.dispose(),
  }
}

/** The folder of a run is easily given instead of the model in it. */
function hinted(error: unknown, folder: string): unknown {
  const model = join(folder, 'model')
  const isInside =
    StemkitError.isInstance(error) && error.code === 'not-found' && existsSync(join(model, 'config.json'))
  if (!isInside) return error
  return new StemkitError('not-found', `${error.message}; the model of this run is in ${model}`, { cause: error })
}

/** What goes into a model folder. */
export interface ModelParts extends CheckOptions {
  readonly config: ModelConfig
  readonly tensors: Tensors
  /** Parsed, or as text, which is then kept as it is. */
  readonly tokenizerJson?: unknown
  /** Further files by name, such as `tokenizer_config.json`. */
  readonly files?: ReadonlyMap<string, string | Uint8Array>
}

/**
 * Writes a model folder, making the folder if need be. Everything is written beside what is there and renamed at the
 * end, so that a full disk or an abort leaves the folder as it was.
 * @throws bad-input if the tensors do not fit the config; io; or the signal's reason
 */
export async function writeModelFolder(
  folder: string,
  model: ModelParts,
  options: SaveModelOptions = {},
): Promise<void> {
  const {
    config,
    tensors,
    tokenizerJson,
    files = new Map<string, string | Uint8Array>(),
    optionalTables = false,
  } = model
  const source = asSource(tensors)
  const json = serializeModelConfig(config)
  inFile(folder, () => checkWeights(parseModelConfig(json), source.tensors, { optionalTables }))
  await makeFolder(folder)
  const others = new Map(files)
  if (tokenizerJson !== undefined) {
    others.set('tokenizer.json', typeof tokenizerJson === 'string' ? tokenizerJson : JSON.stringify(tokenizerJson))
  }
  others.set('config.json', `${JSON.stringify(json, undefined, 2)}\n`)
  await saveModelFiles(folder, source, others, options)
}
