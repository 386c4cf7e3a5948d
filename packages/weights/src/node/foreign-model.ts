import { stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { StemkitError } from '@stemkit/spec/errors'
import type { ModelConfig } from '@stemkit/spec/model-config'
import { importHuggingFace } from '../layouts/hugging-face.ts'
import { LLAMA2C_HEADER_BYTES, layoutLlama2c } from '../layouts/llama2c.ts'
import { llama2cTokenizerJson } from '../layouts/llama2c-tokenizer.ts'
import { importOfficial, type OfficialOptions } from '../layouts/official.ts'
import { mapTensors } from '../mapping.ts'
import { findTensor, type TensorInfo, type TensorSource } from '../tensor.ts'
import { readLocated, type TensorReader } from '../byte-file.ts'
import { openByteFile } from './byte-file.ts'
import { inFile } from '../in-file.ts'
import { ioError } from './io-error.ts'
import { openModelTensors } from './model-tensors.ts'
import { openSafetensors } from './safetensors-file.ts'
import { listFolder, readJsonFile, readSmallFile } from './small-file.ts'
import { readTokenizerFiles } from './tokenizer-files.ts'

/** Layouts that models come in: Hugging Face Llama, llama2.c (legacy `.bin`), the published STEM code. */
export type ForeignLayout = 'hf' | 'llama2c' | 'official'

/** A model of another layout, seen in ours. */
export interface ForeignModel {
  readonly layout: ForeignLayout
  readonly config: ModelConfig
  readonly tensors: TensorSource
  /** The tokenizer's files by name, where the model comes with one. */
  readonly files: ReadonlyMap<string, string | Uint8Array>
  dispose(): Promise<void>
}

export interface ForeignOptions extends OfficialOptions {
  /** Default: what the files look like. */
  readonly layout?: ForeignLayout
  /** The `tokenizer.bin` of a llama2.c checkpoint. Default: `tok<vocab size>.bin` or `tokenizer.bin` beside it. */
  readonly tokenizer?: string
  readonly signal?: AbortSignal
}

const isCheckpoint = (file: string): boolean => file.endsWith('.bin') && !/^tok(enizer|\d+)\.bin$/u.test(file)

/**
 * Opens a model of another layout: a folder, or a llama2.c checkpoint. Its tensors appear under our names and in our
 * order of rows, and are read when asked for; their bits are never changed.
 * @throws not-found if no known layout is there; unsupported, bad-input, corrupt or io, naming the file
 */
export async function openForeignModel(path: string, options: ForeignOptions = {}): Promise<ForeignModel> {
  const info = await stat(path).catch((error: unknown) => {
    throw ioError(path, error)
  })
  const files = info.isDirectory() ? await listFolder(path) : undefined
  const layout = options.layout ?? (await recognise(path, files, options.signal))
  if (layout === 'llama2c')
    return openLlama2c(files === undefined ? path : join(path, onlyCheckpoint(path, files)), options)
  if (files === undefined)
    throw new StemkitError('bad-input', `${path} is a file, but a model of this layout is a folder`)
  return layout === 'hf' ? openHuggingFace(path, options) : openOfficial(path, files, options)
}

async function recognise(
  path: string,
  files: readonly string[] | undefined,
  signal?: AbortSignal,
): Promise<ForeignLayout> {
  if (files === undefined && path.endsWith('.bin')) return 'llama2c'
  if (files?.includes('params.json')) return 'official'
  if (files?.includes('config.json')) {
    const json = await readJsonFile(join(path, 'config.json'), signal)
    if (json['architectures'] !== undefined) return 'hf'
    if (json['n_layers'] !== undefined)
      throw new StemkitError('bad-input', `${path} is a model folder already; nothing to import`)
  }
  if (files?.some(isCheckpoint)) return 'llama2c'
  const known =
    'a Hugging Face folder (config.json), a checkpoint of the STEM code (params.json) or a llama2.c .bin file'
  throw new StemkitError('not-found', `${path} is none of the models that can be imported: ${known}`)
}

function onlyCheckpoint(folder: string, files: readonly string[]): string {
  const [first, second] = files.filter(isCheckpoint)
  if (first === undefined) throw new StemkitError('not-found', `${folder} has no llama2.c checkpoint (.bin)`)
  if (second !== undefined)
    throw new StemkitError('bad-input', `${folder} has ${first} and ${second}; name the file to import`)
  return first
}

async function openLlama2c(path: string, options: ForeignOptions): Promise<ForeignModel> {
  const { signal } = options
  const file = await openByteFile(path, signal)
  try {
    const start = new Uint8Array(Math.min(LLAMA2C_HEADER_BYTES, file.byteLength))
    await file.read(0, start, signal)
    const { config, tensors } = inFile(path, () => layoutLlama2c(start, file.byteLength))
    const tokenizer = options.tokenizer ?? (await tokenizerBeside(path, config.vocabSize))
    const files = new Map<string, string>()
    if (tokenizer !== undefined) {
      files.set('tokenizer.json', JSON.stringify(await readLlama2cTokenizer(tokenizer, config.vocabSize, signal)))
    }
    return { layout: 'llama2c', config, tensors: readLocated(file, tensors), files, dispose: () => file.dispose() }
  } catch (error) {
    await file.dispose()
    throw error
  }
}

async function tokenizerBeside(path: string, vocabSize: number): Promise<string | undefined> {
  const folder = dirname(path)
  const files = await listFolder(folder)
  const name = [`tok${vocabSize}.bin`, 'tokenizer.bin'].find((file) => files.includes(file) && file !== basename(path))
  return name === undefined ? undefined : join(folder, name)
}

async function readLlama2cTokenizer(
  path: string,
  vocabSize: number,
  signal?: AbortSignal,
): Promise<Record<string, unknown>> {
  const bytes = await readSmallFile(path, signal)
  return inFile(path, () => llama2cTokenizerJson(bytes, { vocabSize }))
}

async function openHuggingFace(folder: string, { signal }: ForeignOptions): Promise<ForeignModel> {
  const json = await readJsonFile(join(folder, 'config.json'), signal)
  const tensors = await openModelTensors(folder, signal ? { signal } : {})
  return adopt('hf', folder, tensors, () => importHuggingFace(json, tensors.tensors), signal)
}

async function openOfficial(folder: string, files: readonly string[], options: ForeignOptions): Promise<ForeignModel> {
  const { signal } = options
  const params = await readJsonFile(join(folder, 'params.json'), signal)
  const tensors = await openStateDict(folder, files, signal)
  return adopt('official', folder, tensors, () => importOfficial(params, tensors.tensors, options), signal)
}

/** The published code saves tables apart: `consolidated_stem` lies beside `consolidated`. */
async function openStateDict(folder: string, files: readonly string[], signal?: AbortSignal): Promise<TensorReader> {
  const options = signal ? { signal } : {}
  const parts = ['consolidated.safetensors', 'consolidated_stem.safetensors'].filter((file) => files.includes(file))
  if (parts.length === 0) return openModelTensors(folder, options)
  const readers: TensorReader[] = []
  const dispose = async (): Promise<void> => {
    await Promise.all(readers.map((reader) => reader.dispose()))
  }
  try {
    for (const part of parts) readers.push(await openSafetensors(join(folder, part), options))
  } catch (error) {
    await dispose()
    throw error
  }
  const readerOf = new Map(
    readers.flatMap((reader) => Array.from(reader.tensors.keys(), (name) => [name, reader] as const)),
  )
  return {
    tensors: new Map<string, TensorInfo>(readers.flatMap((reader) => [...reader.tensors])),
    metadata: {},
    read: async (name, readOptions) => findTensor(readerOf, name).read(name, readOptions),
    dispose,
  }
}

async function adopt(
  layout: ForeignLayout,
  folder: string,
  source: TensorReader,
  convert: () => ReturnType<typeof importHuggingFace>,
  signal?: AbortSignal,
): Promise<ForeignModel> {
  try {
    const { config, mapping } = inFile(folder, convert)
    const files = await readTokenizerFiles(folder, signal)
    return { layout, config, tensors: mapTensors(source, mapping), files, dispose: () => source.dispose() }
  } catch (error) {
    await source.dispose()
    throw error
  }
}
