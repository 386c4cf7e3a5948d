/** Version of this contract. */
export const LANGUAGE_MODEL_VERSION = 2

/** A continuation to be scored after its context. */
export interface Scored {
  /** Of nothing: what texts start from, `startToken`. */
  readonly context: readonly number[]
  readonly continuation: readonly number[]
}

/** How tokens are chosen; what is left out does nothing. */
export interface Sampling {
  /** Default 1; 0 takes the likeliest token. */
  readonly temperature?: number
  readonly topP?: number
  readonly topK?: number
  readonly minP?: number
  readonly repetitionPenalty?: number
  /** Makes the choices repeatable. */
  readonly seed?: number
}

/** A prompt to be continued. */
export interface Prompted {
  readonly prompt: readonly number[]
  readonly maxTokens: number
  /** Strings that end the text; they are left out of it. */
  readonly stop?: readonly string[]
  /** Default: the likeliest token, always. */
  readonly sampling?: Sampling
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
  /** All that were made, with those that the text ended with: of a stop string, or one that ends texts. */
  readonly tokens: readonly number[]
}

/** What an evaluation harness or an editing tool asks of a model. Results come in the order of the requests. */
export interface LanguageModel {
  /** Names weights and table version: a cache key. */
  readonly id: string
  /** Tokens that a sequence may have. One more can be scored: the last is foretold, not read. */
  readonly maxLength: number
  /** What stands before a text: BOS, or EOS where there is none. */
  readonly startToken?: number | undefined
  /** What ends a text: EOS. */
  readonly endToken?: number | undefined
  /** With `addSpecial`, the tokenizer's own template (a BOS, say) is applied. Default: false. */
  encode(text: string, options?: { readonly addSpecial?: boolean }): Promise<number[]>
  /** Default `skipSpecial`: true. */
  decode(tokens: readonly number[], options?: { readonly skipSpecial?: boolean }): Promise<string>
  /** Requests that follow each other and begin alike may share the work: put those of a context next to each other. */
  score(
    requests: AsyncIterable<Scored> | Iterable<Scored>,
    options?: { readonly signal?: AbortSignal },
  ): AsyncIterable<ScoredResult>
  generate(
    requests: AsyncIterable<Prompted> | Iterable<Prompted>,
    options?: { readonly signal?: AbortSignal },
  ): AsyncIterable<GeneratedResult>
}
