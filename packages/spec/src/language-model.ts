/** Version of this contract. */
export const LANGUAGE_MODEL_VERSION = 1

/** A continuation to be scored after its context. */
export interface Scored {
  readonly context: readonly number[]
  readonly continuation: readonly number[]
}

/** A prompt to be continued. */
export interface Prompted {
  readonly prompt: readonly number[]
  readonly maxTokens: number
  readonly stop?: readonly string[]
}

export interface ScoredResult {
  /** Position of the request in the input. */
  readonly index: number
  /** Natural-log probability of each continuation token. */
  readonly logprobs: Float64Array
  /** Whether each continuation token was the model's first choice. */
  readonly greedy: boolean
}

export interface GeneratedResult {
  readonly index: number
  readonly text: string
  readonly tokens: readonly number[]
}

/** What an evaluation harness or an editing tool asks of a model. */
export interface LanguageModel {
  /** Names weights and table version: a cache key. */
  readonly id: string
  readonly maxLength: number
  encode(text: string): Promise<number[]>
  score(
    requests: AsyncIterable<Scored> | Iterable<Scored>,
    options?: { readonly signal?: AbortSignal },
  ): AsyncIterable<ScoredResult>
  generate(
    requests: AsyncIterable<Prompted> | Iterable<Prompted>,
    options?: { readonly signal?: AbortSignal },
  ): AsyncIterable<GeneratedResult>
}
