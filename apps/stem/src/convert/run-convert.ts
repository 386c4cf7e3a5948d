import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { calibrateModel, findModelRows, ROWS_FILE } from '@stemkit/generate/node'
import { StemkitError } from '@stemkit/spec/errors'
import type { ModelConfig } from '@stemkit/spec/model-config'
import { loadTokenizer } from '@stemkit/tokenizer'
import { readTokenizerFolder } from '@stemkit/tokenizer/node'
import type { PackTensorsOptions } from '@stemkit/weights'
import {
  makeFolder,
  exportModel,
  importModel,
  openForeignModel,
  packModel,
  writeModelFolder,
  type ForeignOptions,
} from '@stemkit/weights/node'
import { signalOfProcess } from '../terminal/exit.ts'
import { statusLine } from '../terminal/progress.ts'
import { floats, forms, type ConvertFlags } from '../commands/convert.ts'

/** Writes a model in another layout. */
export async function runConvert(source: string, out: string, options: ConvertFlags): Promise<void> {
  const signal = signalOfProcess()
  const status = statusLine()
  const onProgress: Job['onProgress'] = ({ bytes, totalBytes }) =>
    status.show(`writing ${Math.round((100 * bytes) / totalBytes)}%`)
  const onReading: Job['onReading'] = ({ sequences, total }) =>
    status.show(`reading ${Math.round((100 * sequences) / total)}%`)
  await requireFree(source, out, options.force)
  const from = await convert(source, out, options, { signal, onProgress, onReading }).finally(status.clear)
  const form = options.quantize === undefined ? options.to : `${options.to}, ${options.quantize}`
  process.stdout.write(`${source} (${from}) is now ${out} (${form})\n`)
}

interface Job {
  readonly signal: AbortSignal
  readonly onProgress: (progress: { bytes: number; totalBytes: number }) => void
  readonly onReading: (progress: { sequences: number; total: number }) => void
}

/** Returns the layout of the source. */
async function convert(source: string, out: string, options: ConvertFlags, job: Job): Promise<string> {
  const { to, tokenizer } = options
  const packing = packingOf(options)
  const from = options.from === 'auto' && (await isModelFolder(source)) ? 'stemkit' : options.from
  const write = async (folder: string): Promise<void> => {
    if (to !== 'stemkit') await exportModel(folder, out, { layout: to, ...job })
    else {
      const grams = options.calibrate === undefined ? undefined : await readInputs(folder, options.calibrate, job)
      await packModel(folder, out, { ...packing!, grams, ...job, files: await rowsOf(folder, out) })
    }
  }
  if (from !== 'stemkit') {
    const layout = from === 'auto' ? {} : { layout: from }
    if (to === 'stemkit' && !packing) return takeIn(source, out, { ...layout, ...job }, tokenizer)
    // By way of a model folder beside the result.
    await makeFolder(dirname(resolve(out)))
    const between = await mkdtemp(join(dirname(resolve(out)), `.${basename(out)}-`))
    try {
      const found = await takeIn(source, between, { ...layout, ...job }, tokenizer)
      await write(between)
      return found
    } finally {
      await rm(between, { recursive: true, force: true })
    }
  }
  if (to === 'stemkit' && !packing) {
    throw new StemkitError(
      'bad-input',
      `convert: ${source} is a model folder already; say what it shall become with --quantize, --to hf or --to official`,
    )
  }
  if (tokenizer !== undefined) {
    throw new StemkitError(
      'bad-input',
      `convert: --tokenizer is for models of other layouts; put the tokenizer.json into ${source}`,
    )
  }
  await write(source)
  return from
}

/** How weights shall be kept, if --quantize says. */
function packingOf({ quantize, block, tables, calibrate, to }: ConvertFlags): PackTensorsOptions | undefined {
  if (quantize === undefined) {
    const given = { '--block': block, '--tables': tables, '--calibrate': calibrate }
    const stray = Object.entries(given).find(([, value]) => value !== undefined)?.[0]
    if (stray === undefined) return undefined
    throw new StemkitError('bad-input', `convert: ${stray} goes with --quantize`)
  }
  if (to !== 'stemkit') {
    throw new StemkitError('bad-input', `convert: --quantize writes model folders; leave out --to ${to}`)
  }
  if (calibrate !== undefined && quantize !== 'q4') {
    throw new StemkitError('bad-input', `convert: --calibrate is for --quantize q4; ${quantize} does not need it`)
  }
  const matrices = forms[quantize]
  return {
    matrices,
    ...(block !== undefined && { block: Number(block) }),
    ...(tables !== undefined && { tables: floats[tables] }),
    ...(matrices === 'F32' && { embedding: 'F32' as const, ...(tables === undefined && { tables: 'F32' as const }) }),
  }
}

async function readInputs(
  folder: string,
  file: string,
  { signal, onReading }: Job,
): Promise<Map<string, Float32Array>> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new StemkitError('io', `${file} cannot be read: ${(error as Error).message}`, { cause: error })
  })
  return calibrateModel(folder, { text, signal, onProgress: onReading })
}

/** The rows of a model whose tables are elsewhere stay there. */
async function rowsOf(source: string, out: string): Promise<Map<string, string>> {
  const reference = await findModelRows(source)
  if (reference === undefined) return new Map()
  const path = /^file:(?!\/\/)(.*)$/u.exec(reference.url)?.[1]
  const url = path === undefined ? reference.url : `file:${relative(encodeURI(resolve(out)), resolve(path))}`
  return new Map([[ROWS_FILE, `${JSON.stringify({ ...reference, url }, undefined, 2)}\n`]])
}

/** Imports into a model folder; a tokenizer that is given takes the place of the model's own. */
async function takeIn(
  source: string,
  out: string,
  options: ForeignOptions & Job,
  tokenizer: string | undefined,
): Promise<string> {
  if (tokenizer?.endsWith('.bin')) return (await importModel(source, out, { ...options, tokenizer })).layout
  const model = await openForeignModel(source, options)
  try {
    const own = tokenizer === undefined ? undefined : await readTokenizer(tokenizer, model.config, options.signal)
    await writeModelFolder(out, { ...model, files: own ?? model.files }, options)
    return model.layout
  } finally {
    await model.dispose()
  }
}

/** The files of a tokenizer, if the model has a row for each of its tokens. */
async function readTokenizer(path: string, model: ModelConfig, signal: AbortSignal): Promise<Map<string, string>> {
  const { json, config } = await readTokenizerFolder(path, { signal })
  const { vocabSize } = loadTokenizer(json)
  if (vocabSize > model.vocabSize) {
    throw new StemkitError(
      'bad-input',
      `convert: ${path} has ${vocabSize} tokens, but the model only ${model.vocabSize}`,
    )
  }
  const files = new Map([['tokenizer.json', JSON.stringify(json)]])
  return config === undefined ? files : files.set('tokenizer_config.json', JSON.stringify(config))
}

/** Whether a folder's config.json is one of ours: those of other layouts count layers under other names. */
async function isModelFolder(path: string): Promise<boolean> {
  const text = await readFile(join(path, 'config.json'), 'utf8').catch(() => undefined)
  if (text === undefined) return false
  try {
    const json = JSON.parse(text) as Record<string, unknown> | null
    return json?.['n_layers'] !== undefined && json['architectures'] === undefined
  } catch {
    return false
  }
}

async function requireFree(source: string, out: string, force = false): Promise<void> {
  if (resolve(source) === resolve(out)) {
    throw new StemkitError('bad-input', `convert: ${out} is the source itself; choose another folder`)
  }
  const present = await readdir(out).catch(() => [])
  if (present.length > 0 && !force) {
    throw new StemkitError(
      'conflict',
      `convert: ${out} is not empty; choose another folder, or replace its model with --force`,
    )
  }
}
