import { argmax, type Decoder, type TableRows } from '@stemkit/generate'
import { tokenStreams } from '../token-streams.ts'

/** Tokens of a real text, those that a vocabulary has. */
export interface BenchText {
  readonly ids: Uint32Array
  first(length: number): Int32Array
  /** Places far from each other in the text, to read on from; with another seed other ones. */
  readers(count: number, seed: number): Iterator<number>[]
}

export function benchText(vocabSize: number): BenchText {
  const ids = tokenStreams[0]!.read()!.filter((id) => id < vocabSize)
  return {
    ids,
    first: (length) => Int32Array.from(ids.subarray(0, length)),
    readers: (count, seed) =>
      Array.from({ length: count }, (_, i) => {
        let at = Math.floor(((i + seed / 3) / count) * ids.length)
        return { next: () => ({ done: false, value: ids[at++ % ids.length]! }) }
      }),
  }
}

export interface ReadOptions {
  readonly rows: TableRows
  /** One for each slot. */
  readonly texts: readonly Iterator<number>[]
  /** Tokens that each slot holds already. */
  readonly from: number
  readonly steps: number
}

/** Steps over the next tokens of the texts, as if these had been chosen; the likeliest token is found all the same. */
export async function readOn(decoder: Decoder, { rows, texts, from, steps }: ReadOptions): Promise<void> {
  for (let step = 0; step < steps; step++) {
    const chunks = texts.map((text, slot) => ({
      slot,
      start: from + step,
      ids: Int32Array.of(text.next().value!),
      asked: 'last' as const,
      rows,
    }))
    for (const logits of await decoder.run(chunks)) argmax(logits)
  }
}
