import { readFile, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { checkModelConfig, type CustomFeedForwards, type ModelConfig } from '@stemkit/model'
import { StemkitError } from '@stemkit/spec/errors'
import { loadTokenizer } from '@stemkit/tokenizer'
import { loadTokenizerFolder, readTokenizerFolder } from '@stemkit/tokenizer/node'
import { trainBpe } from '@stemkit/tokenizer/train'
import type { RowOptimizer } from '@stemkit/train'
import { parseModelConfig } from '@stemkit/weights'
import { parse } from 'yaml'
import { loadRunConfig } from '../config/load.ts'
import { openPlugins } from '../plugins/open-plugins.ts'
import { modelOf } from '../training/prepare.ts'
import { packSample, readSample, type PlanText, type Sample } from './text.ts'

export interface SubjectOptions {
  readonly set: readonly string[]
  readonly plugins: readonly string[]
  /** Files to count tokens of; default: the config's training text, else the State of the Union addresses. */
  readonly text: readonly string[] | undefined
  readonly tokenizer: string | undefined
  readonly tokens: number
  readonly length: number | undefined
  readonly batch: number | undefined
  readonly budget: number | undefined
  readonly signal: AbortSignal
  readonly onProgress: (text: string) => void
}

/** What is planned: a model, the shape of a step, and a text to count rows in. */
export interface Subject {
  readonly model: ModelConfig
  readonly custom: CustomFeedForwards
  /** What trains the rows of its tables. */
  readonly rowOptimizer: RowOptimizer
  /** B and T. */
  readonly batch: number
  readonly length: number
  /** Bytes for cached rows, where that is said. */
  readonly budget: number | undefined
  /** Undefined where no tokenizer is known. */
  readonly text: PlanText | undefined
}

const DEFAULT_BATCH = 8

/** Reads a run's config, a model folder or its config.json. Allocates nothing that grows with the model. */
export async function readSubject(path: string, options: SubjectOptions): Promise<Subject> {
  const file = (await stat(path).catch(() => undefined))?.isDirectory() ? join(path, 'config.json') : path
  return (await isModelFile(file)) ? ofModel(file, options) : ofRun(file, options)
}

async function ofModel(file: string, options: SubjectOptions): Promise<Subject> {
  const { signal, text: sources, tokenizer: tokenizerPath = dirname(file), onProgress } = options
  const { feedForwards: custom } = await openPlugins(options.plugins, { signal })
  const model = checkModelConfig(parseModelConfig(await readValue(file)))
  const length = options.length ?? model.maxLength
  const { batch = DEFAULT_BATCH, budget } = options
  const subject = { model, custom, rowOptimizer: 'adamw', length, batch, budget } as const
  const tokenizer = await loadTokenizerFolder(tokenizerPath, { signal }).catch((error: unknown) => {
    if (options.tokenizer === undefined && StemkitError.isInstance(error) && error.code === 'not-found')
      return undefined
    throw error
  })
  if (!tokenizer) return { ...subject, text: undefined }
  onProgress('reading text')
  const sample = await readSample(sources, options)
  return { ...subject, text: await packSample(sample, tokenizer, { ...options, length, vocabSize: model.vocabSize }) }
}

async function ofRun(file: string, options: SubjectOptions): Promise<Subject> {
  const { signal, onProgress } = options
  const config = await loadRunConfig(file, options.set, options.plugins)
  const { feedForwards: custom } = await openPlugins(config.plugins, { base: dirname(file), signal })
  // A shape that no model can have is refused before any text is read.
  modelOf(config, config.tokenizer.vocabSize, custom)
  onProgress('reading text')
  const sample = await readSample(options.text ?? config.data.train, { ...options, field: config.data.field })
  const tokenizer = loadTokenizer(await tokenizerOf(options.tokenizer ?? config.tokenizer.path, sample))
  const model = modelOf(config, tokenizer.vocabSize, custom)
  const length = options.length ?? config.data.length ?? model.maxLength
  const text = await packSample(sample, tokenizer, { ...options, length, vocabSize: model.vocabSize })
  const { batch = config.training.batchSize, budget = config.store?.budget } = options
  return { model, custom, rowOptimizer: config.training.rowOptimizer, length, batch, budget, text }

  async function tokenizerOf(path: string | undefined, { documents }: Sample) {
    if (path !== undefined) return (await readTokenizerFolder(path, { signal })).json
    onProgress(`training a tokenizer of ${config.tokenizer.vocabSize} tokens`)
    return trainBpe({ texts: documents, vocabSize: config.tokenizer.vocabSize, signal })
  }
}

/** Whether a file is the config.json of a model folder; what cannot be read is left to the reader of configs to refuse. */
async function isModelFile(file: string): Promise<boolean> {
  const value = await readValue(file).catch(() => undefined)
  return typeof value === 'object' && value !== null && ('n_layers' in value || 'num_hidden_layers' in value)
}

const readValue = async (file: string): Promise<unknown> => parse(await readFile(file, 'utf8')) as unknown
