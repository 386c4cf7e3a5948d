/**
 * B packed sequences of T tokens, flattened row by row to [B * T].
 * Targets are always valid token ids, also where the mask is 0.
 */
export interface Batch {
  /** B. */
  readonly size: number
  /** T. */
  readonly length: number
  readonly inputIds: Int32Array
  /** The next token. */
  readonly targets: Int32Array
  /** 1 where a position counts in the loss, else 0. */
  readonly lossMask: Float32Array
  /** Starts at 0 in every sequence, goes up by one at each new document. */
  readonly documentIds: Int32Array
  /** What the rotary embedding uses. */
  readonly positionIds: Int32Array
}
