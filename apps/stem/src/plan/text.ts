import { createPacker, type PackedDataset } from '@stemkit/data'
import { readDocuments } from '@stemkit/data/node'
import { StemkitError } from '@stemkit/spec/errors'
import type { Tokenizer } from '@stemkit/spec/tokenizer'
import { encodeDocuments } from '@stemkit/tokenizer'
import { readAddresses } from '../recipes/addresses.ts'
import { endOfTextOf } from '../training/prepare.ts'

/** The beginning of a text. */
export interface Sample {
  readonly name: string
  readonly documents: readonly string[]
}

/** A text as sequences of tokens, to count rows in. */
export interface PlanText {
  readonly name: string
  readonly packed: PackedDataset
}

interface ReadOptions {
  /** About so many tokens are wanted. */
  readonly tokens: number
  readonly field?: string
  readonly signal: AbortSignal
}

/** More than a token has of any language, so that there is text enough. */
const CHARACTERS_PER_TOKEN = 6

/** Documents of files until there is text enough; without files, of the State of the Union addresses, the newest first. */
export async function readSample(
  sources: readonly string[] | undefined,
  { tokens, field, signal }: ReadOptions,
): Promise<Sample> {
  const wanted = tokens * CHARACTERS_PER_TOKEN
  const documents: string[] = []
  let characters = 0
  const given = sources ? readDocuments(sources, { signal, ...(field ? { field } : {}) }) : readAddresses().toReversed()
  for await (const { text } of given) {
    documents.push(text.slice(0, wanted - characters))
    characters += text.length
    if (characters >= wanted) break
  }
  return { name: sources?.join(', ') ?? 'State of the Union addresses', documents }
}

interface PackOptions {
  readonly length: number
  readonly vocabSize: number
  readonly tokens: number
  readonly signal: AbortSignal
  readonly onProgress: (text: string) => void
}

/** Encodes documents until there are tokens enough, and cuts them into sequences of `length`. */
export async function packSample(
  { name, documents }: Sample,
  tokenizer: Tokenizer,
  { length, vocabSize, tokens, signal, onProgress }: PackOptions,
): Promise<PlanText> {
  if (tokenizer.vocabSize > vocabSize) {
    throw new StemkitError(
      'bad-input',
      `the tokenizer has ${tokenizer.vocabSize} tokens, the model rows for ${vocabSize}; give the model's own with --tokenizer`,
    )
  }
  const packer = createPacker({ length, endOfText: endOfTextOf(tokenizer), vocabSize })
  let packed = 0
  const encoded = encodeDocuments(tokenizer, documents, {
    signal,
    onProgress: (progress) => onProgress(`counting tokens: ${progress.tokens}`),
  })
  for await (const ids of encoded) {
    packer.add(ids.subarray(0, tokens - packed))
    packed += ids.length
    if (packed >= tokens) break
  }
  return { name, packed: packer.finish() }
}
