import type { Arrays } from '@stemkit/compile'
import { tokenExperts, type ModelConfig } from '@stemkit/model'
import type { RowBlock } from './row-block.ts'

/** A sequence of tokens, and at which of them something is asked. */
export interface FitSequence {
  readonly ids: readonly number[]
  /** Positions, ascending. */
  readonly at: readonly number[]
}

/** Sequences side by side, shorter ones filled up behind their end, where no earlier position sees it. */
export interface FitBatch {
  /** By what a graph reads: `ids`, `positions`, `tokenExperts` [B * T], `at` [R]. */
  readonly arrays: Readonly<Record<'ids' | 'positions' | 'tokenExperts' | 'at', Int32Array>>
  /** The asked positions of real sequences, in order: which sequence, which position of it. The first of [R]. */
  readonly asked: readonly { readonly sequence: number; readonly position: number }[]
}

export interface FitBatches {
  readonly size: number
  readonly length: number
  /** R, the same for all batches. */
  readonly asked: number
  readonly batches: readonly FitBatch[]
}

/** Cuts sequences into batches of one shape, of at most `most` sequences. */
export function packSequences(sequences: readonly FitSequence[], config: ModelConfig, most: number): FitBatches {
  const size = Math.max(1, Math.min(most, sequences.length))
  const length = Math.max(1, ...sequences.map(({ ids }) => ids.length))
  const parts = Array.from({ length: Math.ceil(sequences.length / size) }, (_, i) => i * size)
  const partOf = (from: number): readonly FitSequence[] => sequences.slice(from, from + size)
  const asked = Math.max(1, ...parts.map((from) => partOf(from).reduce((sum, { at }) => sum + at.length, 0)))
  const batches = parts.map((from): FitBatch => {
    const ids = new Int32Array(size * length)
    partOf(from).forEach((sequence, b) => ids.set(sequence.ids, b * length))
    const places = partOf(from).flatMap(({ at }, b) => at.map((position) => ({ sequence: from + b, position })))
    const at = new Int32Array(asked)
    places.forEach(({ sequence, position }, r) => (at[r] = (sequence - from) * length + position))
    return {
      arrays: { ids, positions: ids.map((_, i) => i % length), tokenExperts: tokenExperts(config, ids), at },
      asked: places,
    }
  })
  return { size, length, asked, batches }
}

/** An array of R for a batch, zero where nothing is asked. */
export function filledFor<T extends Int32Array | Float32Array>(
  { asked: length }: Pick<FitBatches, 'asked'>,
  asked: FitBatch['asked'],
  type: new (length: number) => T,
  valueOf: (place: FitBatch['asked'][number]) => number,
): T {
  const array = new type(length)
  asked.forEach((place, r) => (array[r] = valueOf(place)))
  return array
}

/** What every graph reads of a batch. The rows are those of the block itself: what changes in it is read. */
export function feedsOf({ arrays }: FitBatch, { tables, placeOf }: RowBlock): Arrays {
  return { ...arrays, inverse: arrays.ids.map(placeOf), ...tables }
}
