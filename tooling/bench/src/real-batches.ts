import type { Batch } from '@stemkit/data'
import { tokenStreams, GPT2_VOCABULARY } from './token-streams.ts'

/** Tokens of a batch: 4 sequences of 256, as in `bench train`. */
const BATCH_TOKENS = 4 * 256

export interface RealTokens {
  readonly name: string
  /** Ids below `rows`, by frequency: 0 is the commonest token. */
  readonly ids: Int32Array
}

/**
 * The tokens of a real text (English web text where it lies beside the repository, else State of the Union addresses), their
 * ids by frequency, and those beyond `rows` folded onto the rarest half of it. With more rows than GPT-2 has tokens, ids are
 * spread over them, neighbours apart.
 */
export function realTokens(rows: number): RealTokens {
  const stream = tokenStreams.find(({ name }) => name === 'mix/general')
  const tokens = stream?.read()
  const [name, read] = tokens ? [stream!.name, tokens] : ['sotu', tokenStreams[0]!.read()!]
  const counts = new Uint32Array(GPT2_VOCABULARY)
  for (const token of read) counts[token]! += 1
  const order = Array.from(counts.keys()).toSorted((a, b) => counts[b]! - counts[a]!)
  const rank = new Int32Array(GPT2_VOCABULARY)
  order.forEach((token, i) => (rank[token] = placeOf(i, rows)))
  return { name, ids: Int32Array.from(read, (token) => rank[token]!) }
}

function placeOf(rank: number, rows: number): number {
  if (rows > GPT2_VOCABULARY) return Math.floor((rank * rows) / GPT2_VOCABULARY)
  if (rank < rows) return rank
  const half = Math.floor(rows / 2)
  return half + (rank % (rows - half))
}

/** Batches that follow each other in the text, from its beginning. */
export function batchesOf({ ids }: RealTokens, count: number, tokens = BATCH_TOKENS): Int32Array[] {
  const available = Math.floor(ids.length / tokens)
  return Array.from({ length: count }, (_, i) => {
    const from = (i % available) * tokens
    return ids.slice(from, from + tokens)
  })
}

/** The same for a trainer: B sequences of T tokens, one document each, all positions counted. */
export function textBatches(rows: number, { size, length }: { size: number; length: number }, count: number): Batch[] {
  return batchesOf(realTokens(rows), count, size * length).map((inputIds) => ({
    size,
    length,
    inputIds,
    targets: inputIds.map((_, i) => inputIds[(i + 1) % inputIds.length]!),
    lossMask: new Float32Array(size * length).fill(1),
    documentIds: new Int32Array(size * length),
    positionIds: Int32Array.from({ length: size * length }, (_, i) => i % length),
  }))
}
