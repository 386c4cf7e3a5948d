/** Tokens of one request. */
export interface Usage {
  readonly promptTokens: number
  /** Of the prompt: those that were not computed, because an earlier request had begun with them. */
  readonly cachedTokens: number
  readonly completionTokens: number
  /** Prompt and completion. */
  readonly totalTokens: number
}

export interface StoreUse {
  /** Share of rows that were in memory when they were asked for; undefined for a store that keeps none. */
  readonly hitRate: number | undefined
  readonly bytesRead: number
  /** How often a step had to wait for rows, and for how many milliseconds in all. */
  readonly stalls: number
  readonly stalledMs: number
}

/** What a model is doing and has done. */
export interface ModelStats {
  /** Sequences that it can hold at once. */
  readonly slots: number
  /** Requests that have a slot, and those that wait for one. */
  readonly running: number
  readonly waiting: number
  /** Sequences in the last step. */
  readonly batch: number
  /** Since the model was made: tokens of prompts that were computed, that were taken from earlier requests, tokens made. */
  readonly prefilled: number
  readonly cached: number
  readonly decoded: number
  /** Tokens that were guessed from the text, and those of them that turned out right. */
  readonly speculated: number
  readonly accepted: number
  /** Of the model's own store of rows, if it has one. */
  readonly store: StoreUse | undefined
}
