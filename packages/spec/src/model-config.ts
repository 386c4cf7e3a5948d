/** Version of this contract. */
export const MODEL_CONFIG_VERSION = 1

/** The built-in feed-forwards. Any other name refers to a user's own function. */
export type FeedForwardKind = 'dense' | 'stem' | 'hash_moe' | (string & {})

/** Everything that determines a decoder's shapes and arithmetic. */
export interface ModelConfig {
  /** Model width d. */
  readonly dim: number
  readonly layers: number
  readonly heads: number
  /** Key/value heads; query head h uses key/value head floor(h / (heads / kvHeads)). */
  readonly kvHeads: number
  /** Normally dim / heads. */
  readonly headDim: number
  /** Feed-forward width d_ff. */
  readonly ffnHidden: number
  readonly vocabSize: number
  /** Longest sequence the model is meant for, in tokens. */
  readonly maxLength: number
  /** One entry per layer. */
  readonly feedForwards: readonly FeedForwardKind[]
  /** Number of experts of the hash-MoE layers. */
  readonly experts?: number
  /** Expert of each token id [V]; default ((id * 2654435761) mod 2^32) mod experts. */
  readonly expertOfToken?: readonly number[]
  readonly ropeTheta: number
  readonly normEps: number
  /** Whether a position sees only positions of its own document. */
  readonly crossDocumentMask: boolean
}
