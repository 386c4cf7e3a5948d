import { readSample } from '../../plan/text.ts'
import { StemkitError } from '@stemkit/spec/errors'
import { encodeDocuments } from '@stemkit/tokenizer'
import { loadTokenizerFolder } from '@stemkit/tokenizer/node'

/** Rows as a text would ask for them, one at a time, without end. */
export interface RowStream {
  readonly name: string
  next(): number
}

/** Numbers in [0, 1), the same for the same seed. */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Where the frequencies of words begin to fall: those of a language follow 1 / (rank + 2.7). */
const SHIFT = 2.7

/**
 * Ids by the law of Zipf and Mandelbrot, the most frequent ones lowest, as tokenizers number them: id r comes with a
 * probability of about 1 / (r + 2.7), by inverting the integral of that.
 */
export function zipfRows(rows: number, random: () => number): RowStream {
  const base = (rows + SHIFT) / SHIFT
  return {
    name: 'Zipf',
    next: () => Math.min(rows - 1, Math.floor(SHIFT * base ** random() - SHIFT)),
  }
}

export interface TextRowsOptions {
  readonly text: readonly string[]
  /** tokenizer.json, or a folder that has one. */
  readonly tokenizer: string
  readonly rows: number
  readonly signal: AbortSignal
}

const MOST_TOKENS = 1_000_000

/**
 * The tokens of a text, again from the start after a million of them or its end.
 * @throws bad-input for a text without tokens, or whose tokens are no rows
 */
export async function textRows({ text, tokenizer: path, rows, signal }: TextRowsOptions): Promise<RowStream> {
  const tokenizer = await loadTokenizerFolder(path, { signal })
  const { name, documents } = await readSample(text, { tokens: MOST_TOKENS, signal })
  const ids: number[] = []
  for await (const encoded of encodeDocuments(tokenizer, documents, { signal })) {
    for (const id of encoded) ids.push(id)
    if (ids.length >= MOST_TOKENS) break
  }
  const odd = ids.find((id) => id >= rows)
  if (ids.length === 0 || odd !== undefined) {
    const why = odd === undefined ? 'no tokens' : `token ${odd}, the table has ${rows} rows; give its own --tokenizer`
    throw new StemkitError('bad-input', `${name}: ${why}`)
  }
  let at = 0
  return {
    name,
    next() {
      at %= ids.length
      return ids[at++]!
    },
  }
}

/** Draws looked at for each row that is wanted, before a batch stays smaller: a text may not have so many different ones. */
const PATIENCE = 1000

/** The next `size` different rows of a stream, sorted. */
export function nextBatch(stream: RowStream, size: number): Uint32Array {
  const seen = new Set<number>()
  for (let draws = 0; seen.size < size && draws < size * PATIENCE; draws++) seen.add(stream.next())
  return Uint32Array.from(seen).toSorted()
}
