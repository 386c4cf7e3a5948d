import { StemkitError } from '@stemkit/spec/errors'
import { fingerprintOf } from './fingerprint.ts'

export interface PackOptions {
  /** T: tokens in a sequence. */
  readonly length: number
  /** Id of the token that is put after each document. */
  readonly endOfText: number
  /** Whether positions start at 0 again with each document. Default: false, they count through the sequence. */
  readonly resetPositions?: boolean
  /**
   * Whether the end of a document is asked to predict the first token of the next one. Default: true, as most
   * trainers do, so that a model learns how documents start.
   */
  readonly countBoundaries?: boolean
  /** What becomes of a last sequence that is not full: filled up with masked positions (default), or left out. */
  readonly last?: 'pad' | 'drop'
  /** Where given, ids must be below it. */
  readonly vocabSize?: number
}

/** What became of the documents. */
export interface PackReport {
  readonly documents: number
  /** Documents without a token: nothing of them is packed, not even an end. */
  readonly emptyDocuments: number
  /** Documents that continue in a further sequence. */
  readonly splitDocuments: number
  /** Tokens in the documents. */
  readonly tokens: number
  /** End-of-text tokens added. */
  readonly endOfTextTokens: number
  /** Positions that count in the loss, over all sequences. */
  readonly counted: number
  /** Masked positions at the end of the last sequence. */
  readonly padded: number
  /** Tokens at the end that are in no sequence, because `last` is 'drop'. */
  readonly dropped: number
}

/**
 * Documents as one stream of tokens, read in sequences of T with a stride of T. The target of a sequence's last
 * position is the first token of the next, so that every token but the very first is predicted exactly once.
 */
export interface PackedDataset {
  /** T. */
  readonly length: number
  /** Number of sequences. */
  readonly sequences: number
  /** All documents, each with its end-of-text token. */
  readonly tokens: Int32Array
  /** Where each document starts in `tokens`, ascending. */
  readonly starts: Uint32Array
  readonly endOfText: number
  readonly resetPositions: boolean
  readonly countBoundaries: boolean
  /** Names the content and how it is cut: equal only for equal sequences. */
  readonly fingerprint: string
  readonly report: PackReport
}

/** Takes documents one by one, for those that do not lie in memory together. */
export interface Packer {
  /** Throws `bad-input` naming the document and the place of an id that cannot be. */
  add(ids: ArrayLike<number>): void
  /** The packed documents. Throws `bad-input` if they do not make a sequence. */
  finish(): PackedDataset
}

const check = (options: PackOptions): void => {
  const { length, endOfText, vocabSize = Infinity } = options
  if (!Number.isInteger(length) || length < 1)
    throw new StemkitError('bad-input', `Sequences of length ${length} cannot be packed`)
  if (!Number.isInteger(endOfText) || endOfText < 0 || endOfText >= vocabSize) {
    throw new StemkitError('bad-input', `The end-of-text token ${endOfText} is not in the vocabulary of ${vocabSize}`)
  }
}

/** How many documents lie in more than one sequence. */
const countSplit = (starts: Uint32Array, end: number, length: number): number => {
  let split = 0
  for (let i = 0; i < starts.length; i++) {
    const last = (starts[i + 1] ?? end) - 1
    if (Math.floor(starts[i]! / length) !== Math.floor(last / length)) split += 1
  }
  return split
}

/** How many of the first `size` predictions are of a document's first token. */
const countFirsts = (starts: Uint32Array, size: number): number => {
  let firsts = 0
  for (const start of starts) if (start > 0 && start <= size) firsts += 1
  return firsts
}

export const createPacker = (options: PackOptions): Packer => {
  check(options)
  const {
    length,
    endOfText,
    resetPositions = false,
    countBoundaries = true,
    last = 'pad',
    vocabSize = 2 ** 31,
  } = options
  let tokens = new Int32Array(1 << 16)
  let size = 0
  let documents = 0
  const starts: number[] = []

  const reserve = (needed: number): void => {
    if (needed <= tokens.length) return
    const larger = new Int32Array(Math.max(needed, tokens.length * 2))
    larger.set(tokens.subarray(0, size))
    tokens = larger
  }

  return {
    add: (ids) => {
      const index = documents++
      if (ids.length === 0) return
      for (let i = 0; i < ids.length; i++) {
        const id = ids[i]!
        if (!Number.isInteger(id) || id < 0 || id >= vocabSize) {
          throw new StemkitError(
            'bad-input',
            `Document ${index} has id ${id} at place ${i}, outside the vocabulary of ${vocabSize}`,
          )
        }
      }
      reserve(size + ids.length + 1)
      tokens.set(ids, size)
      starts.push(size)
      size += ids.length
      tokens[size++] = endOfText
    },
    finish: () => {
      const predictions = Math.max(size - 1, 0)
      const sequences = last === 'pad' ? Math.ceil(predictions / length) : Math.floor(predictions / length)
      if (sequences === 0) {
        const why = size === 0 ? 'no document has a token' : `${size} tokens do not fill one sequence of ${length}`
        throw new StemkitError('bad-input', `There is nothing to pack: ${why}`)
      }
      const packed = Math.min(predictions, sequences * length)
      const stream = tokens.slice(0, size)
      const startsArray = Uint32Array.from(starts)
      const header = Uint32Array.of(length, sequences, endOfText, Number(resetPositions), Number(countBoundaries))
      return {
        length,
        sequences,
        tokens: stream,
        starts: startsArray,
        endOfText,
        resetPositions,
        countBoundaries,
        fingerprint: fingerprintOf(header, stream, startsArray),
        report: {
          documents,
          emptyDocuments: documents - starts.length,
          splitDocuments: countSplit(startsArray, size, length),
          tokens: size - starts.length,
          endOfTextTokens: starts.length,
          counted: packed - (countBoundaries ? 0 : countFirsts(startsArray, packed)),
          padded: sequences * length - packed,
          dropped: predictions - packed,
        },
      }
    },
  }
}

/** Packs documents that are token ids, see `PackedDataset`. Throws `bad-input` for ids that cannot be and for nothing. */
export const packDocuments = (documents: Iterable<ArrayLike<number>>, options: PackOptions): PackedDataset => {
  const packer = createPacker(options)
  for (const ids of documents) packer.add(ids)
  return packer.finish()
}
