import { openModelRows, openRowsAt } from '@stemkit/generate/node'
import { storeTables, tensorTables, type ReadableModel, type Tables } from '@stemkit/inspect'
import { listWeights, type CustomFeedForwards, type ModelConfig, type NamedArray } from '@stemkit/model'
import { StemkitError } from '@stemkit/spec/errors'
import type { OpenRows } from '@stemkit/spec/row-driver'
import type { Tokenizer } from '@stemkit/spec/tokenizer'
import { loadTokenizerFolder } from '@stemkit/tokenizer/node'
import { findPacked, readPacked, toFloat32, unpackMatrix } from '@stemkit/weights'
import { readModelFolder, type ModelFolder } from '@stemkit/weights/node'

/** A model folder, open to be looked at: nothing large is read yet. */
export interface OpenedModel {
  readonly config: ModelConfig
  readonly custom: CustomFeedForwards
  /** Its tables, in the store or in the folder's files. @throws bad-input for a model without tables */
  tables(): Tables
  /** @throws not-found where the folder has none */
  tokenizer(): Promise<Tokenizer>
  /** All weights but the tables, as float32, in memory. */
  readWeights(): Promise<ReadableModel>
  dispose(): Promise<void>
}

export interface OpenModelOptions {
  readonly store?: string | undefined
  readonly budget?: number | undefined
  readonly openRows: OpenRows
  readonly custom: CustomFeedForwards
  readonly signal: AbortSignal
}

export async function openModel(folder: string, options: OpenModelOptions): Promise<OpenedModel> {
  const { store, budget, openRows, custom, signal } = options
  const how = { openRows, budget, signal }
  const rows = await (store === undefined ? openModelRows(folder, how) : openRowsAt({ url: store }, how))
  try {
    const files = await readModelFolder(folder, { signal, optionalTables: rows !== undefined })
    const { config, tensors, tokenizerPath } = files
    const owner = { config, custom }
    return {
      config,
      custom,
      tables: () => (rows ? storeTables(owner, rows) : tensorTables(owner, tensors)),
      async tokenizer() {
        if (tokenizerPath !== undefined) return loadTokenizerFolder(tokenizerPath, { signal })
        throw new StemkitError('not-found', `${folder} has no tokenizer.json, which says what its tokens are`)
      },
      readWeights: async () => ({ ...owner, weights: await readWeights(files, custom, signal) }),
      async dispose() {
        await files.dispose()
        await rows?.dispose()
      },
    }
  } catch (error) {
    await rows?.dispose()
    throw error
  }
}

/** All weights of a folder but its tables, as float32, in memory. */
export async function readBackbone(
  folder: string,
  { custom, signal }: Pick<OpenModelOptions, 'custom' | 'signal'>,
): Promise<ReadableModel> {
  const files = await readModelFolder(folder, { signal, optionalTables: true })
  try {
    return { config: files.config, custom, weights: await readWeights(files, custom, signal) }
  } finally {
    await files.dispose()
  }
}

async function readWeights(
  { config, tensors }: ModelFolder,
  custom: CustomFeedForwards,
  signal: AbortSignal,
): Promise<Map<string, NamedArray>> {
  const packed = findPacked(tensors.tensors)
  const weights = new Map<string, NamedArray>()
  for (const [name, { shape, role }] of listWeights(config, custom)) {
    if (role === 'table') continue
    const info = packed.get(name)
    const data = info
      ? unpackMatrix(await readPacked(tensors, name, info, { signal }))
      : toFloat32(await tensors.read(name, { signal }))
    weights.set(name, { shape, data })
  }
  return weights
}
