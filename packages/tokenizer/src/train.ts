import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { StemkitError } from '@stemkit/spec/errors'
import { BYTE_ALPHABET } from './byte-alphabet.ts'
import { byteLevelBpe, END_OF_TEXT } from './gpt2.ts'
import type { TokenizerJson } from './tokenizer-json.ts'
import { textsOfFiles, writeCorpus, type CorpusProgress } from './train/corpus.ts'
import { learnMerges, NATIVE_VOCABULARY } from './train/merges.ts'

export type { CorpusProgress, TokenizerJson }

export interface TrainBpeOptions {
  /** Documents to learn from. */
  readonly texts?: Iterable<string> | AsyncIterable<string>
  /** Text files in UTF-8 to learn from, before `texts`. */
  readonly files?: readonly string[]
  /** Number of tokens, special tokens and the 256 bytes included; at most 30,000. */
  readonly vocabSize: number
  /** Further special tokens: they get the first ids after `<|endoftext|>`, which is always there and has id 0. */
  readonly specialTokens?: readonly string[]
  readonly signal?: AbortSignal
  /** Called while texts are read; merging them afterwards, a second or two for 5 MB, reports nothing. */
  readonly onProgress?: (progress: CorpusProgress) => void
}

async function* textsOf({ files = [], texts = [], signal }: TrainBpeOptions): AsyncGenerator<string> {
  yield* textsOfFiles(files, signal)
  yield* texts
}

const checkSize = (vocabSize: number, specials: readonly string[]): void => {
  const least = specials.length + BYTE_ALPHABET.length
  if (!Number.isInteger(vocabSize) || vocabSize < least) {
    throw new StemkitError(
      'bad-input',
      `vocabSize is ${vocabSize}; with ${specials.length} special tokens it must be at least ${least}`,
    )
  }
  if (vocabSize > NATIVE_VOCABULARY) {
    throw new StemkitError(
      'unsupported',
      `vocabSize is ${vocabSize}; the native trainer makes at most ${NATIVE_VOCABULARY} tokens`,
    )
  }
}

/** Special tokens, the bytes, then what each merge adds, until the vocabulary is full. */
const assemble = (
  learnt: readonly (readonly [string, string])[],
  specials: readonly string[],
  vocabSize: number,
): TokenizerJson => {
  const vocab: Record<string, number> = {}
  let size = 0
  const add = (token: string): void => {
    if (!Object.hasOwn(vocab, token)) vocab[token] = size++
  }
  for (const token of [...specials, ...BYTE_ALPHABET]) add(token)
  const merges: (readonly [string, string])[] = []
  for (const pair of learnt) {
    if (size === vocabSize) break
    merges.push(pair)
    add(pair[0] + pair[1])
  }
  if (size < vocabSize) {
    throw new StemkitError(
      'bad-input',
      `The texts yield only ${size} of ${vocabSize} tokens: give more text or a smaller vocabSize`,
    )
  }
  return byteLevelBpe(vocab, merges, specials)
}

/**
 * Trains a byte-level BPE and returns its tokenizer.json, ready for `JSON.stringify` and `loadTokenizer`.
 * The same texts give the same tokenizer. Texts are learnt from whole, line breaks included; special tokens inside
 * them are left out. Uses a temporary file as large as the texts and a process of its own, which `signal` ends.
 * Throws `bad-input` for a size that cannot be reached, `not-found` and `io` for files, `unsupported` without the
 * package `tokenizers`.
 */
export const trainBpe = async (options: TrainBpeOptions): Promise<TokenizerJson> => {
  const { vocabSize, signal, onProgress } = options
  const specials = [...new Set([END_OF_TEXT, ...(options.specialTokens ?? [])])]
  checkSize(vocabSize, specials)
  signal?.throwIfAborted()
  const folder = await mkdtemp(join(tmpdir(), 'stemkit-tokenizer-'))
  try {
    const corpus = join(folder, 'corpus.txt')
    const { characters } = await writeCorpus(corpus, textsOf(options), { specialTokens: specials, signal, onProgress })
    if (characters === 0) throw new StemkitError('bad-input', 'There is no text to train a tokenizer on')
    return assemble(await learnMerges(corpus, join(folder, 'trained.json'), signal), specials, vocabSize)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
