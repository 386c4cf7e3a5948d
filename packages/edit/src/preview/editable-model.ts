import type { RowStore } from '@stemkit/store'

/** Rows that a model reads instead of its own. */
export type RowsInPlace = Pick<RowStore, 'id' | 'version' | 'rows' | 'layout' | 'gather' | 'prefetch'>

export interface Asked {
  readonly rows: RowsInPlace
  /** The row of each token of the prompt; an id beyond the vocabulary is one that `rows` has besides. */
  readonly tableIds?: readonly number[]
  readonly maxTokens: number
  readonly temperature: 0
  readonly topLogprobs: number
  readonly signal?: AbortSignal
}

export interface Likely {
  readonly token: number
  /** ln of its probability. */
  readonly logprob: number
}

export interface Continued extends Likely {
  readonly text: string
  /** The likeliest tokens here, likeliest first. */
  readonly topLogprobs?: readonly Likely[]
}

/** What a preview needs of a model: text continued over given rows. A model of `@stemkit/generate` is one. */
export interface EditableModel {
  generate(prompt: readonly number[], options: Asked): AsyncIterable<Continued>
}
