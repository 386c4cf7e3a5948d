import { StemkitError } from '@stemkit/spec/errors'
import type { ModelConfig } from '@stemkit/spec/model-config'
import type { ByteFile, TensorReader } from './byte-file.ts'
import { inFile } from './in-file.ts'
import { parseModelConfig } from './model-config.ts'
import { MAX_HEADER_BYTES } from './safetensors/header.ts'
import { readSafetensors } from './safetensors/read.ts'
import { readShards } from './safetensors/read-shards.ts'
import { INDEX_NAME, parseShardIndex } from './safetensors/shards.ts'
import { parseStrictJson } from './strict-json.ts'
import { checkWeights, type CheckOptions } from './weight-shapes.ts'

/** A folder of files that are opened by name, wherever it is: `httpFiles` of `@stemkit/store` is one. */
export interface FileSource {
  /** How messages name it, with a separator at its end. */
  readonly path: string
  /** @returns undefined where there is no such file */
  open(name: string, signal?: AbortSignal): Promise<ByteFile | undefined>
}

export interface FileOptions {
  readonly signal?: AbortSignal
}

/** A model whose files are open. */
export interface ModelFiles {
  readonly config: ModelConfig
  readonly tensors: TensorReader
  /** A JSON file of the folder, parsed with care; undefined where there is none. @throws corrupt, naming the file */
  json(name: string, options?: FileOptions): Promise<Record<string, unknown> | undefined>
  dispose(): Promise<void>
}

/**
 * `readModelFolder` for files that are not in a folder of this machine: `config.json` and the tensors; no numbers are read yet.
 * @throws not-found, bad-input, unsupported, corrupt or io, with one line that names the file
 */
export async function openModelFiles(
  source: FileSource,
  { signal, ...check }: CheckOptions & FileOptions = {},
): Promise<ModelFiles> {
  const cancel = signal ? { signal } : {}
  const json: ModelFiles['json'] = async (name, options) => {
    const bytes = await readSmall(source, name, options?.signal)
    return bytes && parseStrictJson(source.path + name, bytes, { maxDepth: 32 })
  }
  const configJson = await json('config.json', cancel)
  if (!configJson) throw new StemkitError('not-found', `${source.path}config.json does not exist`)
  const config = inFile(`${source.path}config.json`, () => parseModelConfig(configJson))
  const tensors = await openTensors(source, cancel)
  try {
    inFile(source.path, () => checkWeights(config, tensors.tensors, check))
  } catch (error) {
    await tensors.dispose()
    throw error
  }
  return { config, tensors, json, dispose: () => tensors.dispose() }
}

async function openTensors(source: FileSource, options: FileOptions): Promise<TensorReader> {
  for (const name of ['model.safetensors', 'weights.safetensors']) {
    const file = await source.open(name, options.signal)
    if (file) return readSafetensors(file, options)
  }
  const index = await readSmall(source, INDEX_NAME, options.signal)
  if (!index) throw new StemkitError('not-found', `${source.path} has no model.safetensors and no weights.safetensors`)
  const indexPath = source.path + INDEX_NAME
  const fileOf = inFile(indexPath, () => parseShardIndex(index))
  return readShards(indexPath, fileOf, async (name) => {
    const file = await source.open(name, options.signal)
    if (!file) throw new StemkitError('not-found', `${source.path}${name} does not exist`)
    return readSafetensors(file, options)
  })
}

async function readSmall(source: FileSource, name: string, signal?: AbortSignal): Promise<Uint8Array | undefined> {
  const file = await source.open(name, signal)
  if (!file) return undefined
  try {
    if (file.byteLength > MAX_HEADER_BYTES) {
      const limit = `more than the limit of ${MAX_HEADER_BYTES}`
      throw new StemkitError('corrupt', `${file.path} has ${file.byteLength} bytes, ${limit}`)
    }
    const bytes = new Uint8Array(file.byteLength)
    await file.read(0, bytes, signal)
    return bytes
  } finally {
    await file.dispose()
  }
}
