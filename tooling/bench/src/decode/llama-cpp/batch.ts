import koffi from 'koffi'

/** Tokens for one call of `llama_decode`, of one or several sequences. */
export interface TokenBatch {
  readonly tokens: Int32Array
  readonly positions: Int32Array
  readonly sequences: Int32Array
  /** Whether the logits after a token are wanted. */
  readonly wanted: Int8Array
  /** The structure that the library takes, for the first `count` tokens. */
  first(count: number): object
}

/** Room for `capacity` tokens, in memory that both sides see; each belongs to one sequence. */
export function createTokenBatch(capacity: number): TokenBatch {
  // Arrays over buffers of their own: small ones without may lie in the heap, where the collector moves them.
  const int32 = (): Int32Array => new Int32Array(new ArrayBuffer(4 * capacity))
  const [tokens, positions, sequences] = [int32(), int32(), int32()]
  const wanted = new Int8Array(new ArrayBuffer(capacity))
  const sequenceCounts = int32().fill(1)
  const sequencePointers = new BigUint64Array(new ArrayBuffer(8 * capacity))
  const firstSequence = koffi.address(sequences)
  for (let i = 0; i < capacity; i++) sequencePointers[i] = firstSequence + BigInt(4 * i)
  const pointers = {
    token: koffi.address(tokens),
    embd: null,
    pos: koffi.address(positions),
    n_seq_id: koffi.address(sequenceCounts),
    seq_id: koffi.address(sequencePointers),
    logits: koffi.address(wanted),
  }
  // What the pointers lead to must live as long as they may be used.
  const memory = { sequenceCounts, sequencePointers }
  return { tokens, positions, sequences, wanted, first: (count) => ({ n_tokens: count, ...pointers, memory }) }
}
