import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { StemkitError } from '@stemkit/spec/errors'
import type { Tokenizer } from '@stemkit/spec/tokenizer'
import { toLanguageModel, type KvCacheType } from '@stemkit/generate'
import { calibrateModel, loadModel } from '@stemkit/generate/node'
import { importModel, packModel } from '@stemkit/weights/node'

export interface PerplexityOptions {
  /** A model folder with a tokenizer. Default: stories260K, imported. */
  readonly model?: string | undefined
  /** A file of text of the kind that it was trained on. Default: TinyStories. */
  readonly text?: string | undefined
  /** Tokens that are measured, at most. Default 16384. */
  readonly tokens?: number | undefined
  readonly signal?: AbortSignal | undefined
  readonly progress?: ((line: string) => void) | undefined
}

/** Where a document begins: after a mark, or, in stories without one, with the usual words. */
const BETWEEN = /<\|endoftext\|>|\n\n(?=Once upon a time|One day)/u

/** Quotation marks in UTF-8 that were read in another encoding: no model has learned these. */
const DAMAGED = '\u00e2\u20ac'

/** Perplexity of a trained model on text that no packing has seen. */
export interface PackedPerplexity {
  readonly model: string
  /** Tokens that were foretold. */
  readonly tokens: number
  /** With weights as float32. */
  readonly f32: number
  /** By packing: perplexity over that in float32. */
  readonly ratios: Readonly<Record<PackingName, number>>
}

interface Packing {
  /** Of the head, too. */
  readonly matrices: 'F32' | 'q4' | 'q8'
  readonly block: number
  /** Whether its rounding is fitted to a text, other than the one that is measured. */
  readonly fitted: boolean
  readonly kvCache: KvCacheType
}

export const PACKINGS = {
  kv_int8: { matrices: 'F32', block: 128, fitted: false, kvCache: 'int8' },
  q8_block128: { matrices: 'q8', block: 128, fitted: false, kvCache: 'f32' },
  q8_block128_kv_int8: { matrices: 'q8', block: 128, fitted: false, kvCache: 'int8' },
  q4_block128: { matrices: 'q4', block: 128, fitted: false, kvCache: 'f32' },
  q4_block128_fitted: { matrices: 'q4', block: 128, fitted: true, kvCache: 'f32' },
  q4_block128_fitted_kv_int8: { matrices: 'q4', block: 128, fitted: true, kvCache: 'int8' },
  q4_block32: { matrices: 'q4', block: 32, fitted: false, kvCache: 'f32' },
  q4_block32_fitted: { matrices: 'q4', block: 32, fitted: true, kvCache: 'f32' },
} as const satisfies Record<string, Packing>

export type PackingName = keyof typeof PACKINGS

const SHARED = fileURLToPath(new URL('../../../../../shared/data/', import.meta.url))

/**
 * Packs a trained model in every way and measures each as it runs, the arithmetic of packed products included. The first
 * half of the text is what packings are fitted to, the second what is measured.
 * @throws unsupported where the default model and text are not there; bad-input for a model without a tokenizer
 */
export async function measurePerplexity(options: PerplexityOptions = {}): Promise<PackedPerplexity> {
  const { tokens = 16_384, signal, progress = () => {} } = options
  const textPath = options.text ?? join(SHARED, 'corpora/tinystories/tinystories.txt')
  const source = options.model ?? join(SHARED, 'models/stories260K')
  const missing = [textPath, source].find((path) => !existsSync(path))
  if (missing !== undefined) {
    throw new StemkitError('unsupported', `perplexity: ${missing} is not there; name a model and a text`)
  }
  const whole = await readFile(textPath, 'utf8')
  const documents = whole.split(BETWEEN).flatMap((document) => (document.includes(DAMAGED) ? [] : [document.trim()]))
  // A text in one piece is cut between two lines.
  const middle = whole.indexOf('\n', whole.length >> 1)
  const half = documents.length >> 1
  const [seen, unseen] =
    half > 0 ? [documents.slice(0, half), documents.slice(half)] : [[whole.slice(0, middle)], [whole.slice(middle + 1)]]
  const work = await mkdtemp(join(tmpdir(), 'stemkit-perplexity-'))
  try {
    let folder = source
    if (options.model === undefined) await importModel(source, (folder = join(work, 'f32')))
    progress('perplexity in f32')
    const plain = await perplexityOf(folder, unseen, { tokens, signal })
    progress('fitting to a text')
    const grams = await calibrateModel(folder, { text: seen.join('\n\n'), signal })
    const ratios: Record<string, number> = {}
    for (const [name, { fitted, kvCache, matrices, block }] of Object.entries(PACKINGS)) {
      progress(`perplexity with ${name}`)
      const packed = join(work, name)
      const form = { matrices, head: matrices, block }
      await packModel(folder, packed, { ...form, ...(fitted && { grams }), ...(signal && { signal }) })
      ratios[name] = (await perplexityOf(packed, unseen, { tokens, kvCache, signal })).value / plain.value
    }
    return { model: source, tokens: plain.tokens, f32: plain.value, ratios: ratios as PackedPerplexity['ratios'] }
  } finally {
    await rm(work, { recursive: true })
  }
}

interface PerplexityOfOptions {
  readonly tokens: number
  readonly kvCache?: KvCacheType
  readonly signal: AbortSignal | undefined
}

/** e to the mean of -ln p over documents, each after the token that texts start with; long ones in pieces. */
async function perplexityOf(
  folder: string,
  documents: readonly string[],
  { tokens, kvCache, signal }: PerplexityOfOptions,
): Promise<{ value: number; tokens: number }> {
  const model = await loadModel(folder, { signal, threads: 1, kvCache })
  try {
    if (!model.tokenizer) throw new StemkitError('bad-input', `perplexity: ${folder} has no tokenizer.json`)
    const requests = sequencesOf(model.tokenizer, documents, { tokens, length: model.maxLength - 1 }).map(
      (continuation) => ({
        context: [],
        continuation,
      }),
    )
    let sum = 0
    let count = 0
    for await (const { logprobs } of (await toLanguageModel(model)).score(requests, signal ? { signal } : {})) {
      for (const each of logprobs) sum -= each
      count += logprobs.length
    }
    return { value: Math.exp(sum / count), tokens: count }
  } finally {
    await model.dispose()
  }
}

function sequencesOf(
  tokenizer: Tokenizer,
  documents: readonly string[],
  { tokens, length }: { readonly tokens: number; readonly length: number },
): number[][] {
  const sequences: number[][] = []
  let left = tokens
  for (const document of documents) {
    const ids = Array.from(tokenizer.encode(document)).slice(0, left)
    left -= ids.length
    for (let from = 0; from < ids.length; from += length) sequences.push(ids.slice(from, from + length))
  }
  return sequences
}
