import type { RunOptions } from '../model.ts'
import type { TableRows } from '../table-rows.ts'

/** Which positions of a chunk get logits: each of them, the last, or none (the middle of a long prompt). */
export type Asked = 'all' | 'last' | 'none'

/** The next tokens of one sequence. */
export interface Chunk {
  /** Whose cache they continue. */
  readonly slot: number
  /** How many tokens of that cache count, 0 to its length: the chunk stands after them, and what stood there is forgotten. */
  readonly start: number
  /** Token ids [n], n >= 1, start + n <= maxLength. */
  readonly ids: Int32Array
  readonly asked: Asked
  /** Other tables than the model's own, such as a view through an overlay. */
  readonly rows?: TableRows | undefined
}

/** Runs a model over the tokens that are new, with the keys and values of those before them kept in slots of fixed size. */
export interface Decoder {
  /** Sequences that it holds at once. */
  readonly slots: number
  /** Tokens that a slot holds. */
  readonly maxLength: number
  /**
   * One step for each of the chunks, at most one per slot; calls must not overlap. One chunk of many tokens and many chunks
   * of one token are a pass each; anything else is run as several of these.
   * @returns logits by chunk [R, V], R = n, 1 or 0 as asked. They lie in memory of the decoder that the next run uses again.
   * @throws bad-input for a chunk that does not fit; the reason of `signal`, the chunks' slots being as before, but for what stood behind `start`
   */
  run(chunks: readonly Chunk[], options?: RunOptions): Promise<Float32Array[]>
  /** Makes the first `length` tokens of `to` those of `from`. */
  copy(from: number, to: number, length: number): void
  /** Waits for a run that is under way. */
  dispose(): Promise<void>
}
