/** A request that is over: sent, refused, or left by its client. */
export interface RequestRecord {
  readonly id: string
  readonly method: string
  /** The route, as in `/v1/models/:model`; 'none' for a path that is none. */
  readonly route: string
  /** 499: the client left before the answer was whole. */
  readonly status: number
  readonly seconds: number
  /** What went wrong, for the log; not what the client was told. */
  readonly error?: unknown
  /** Of requests that reached a model. */
  readonly generation?: GenerationRecord
}

export interface GenerationRecord {
  readonly model: string
  readonly overlay: string | undefined
  readonly stream: boolean
  readonly promptTokens: number
  /** How many of the prompt's tokens were there from an earlier request. */
  readonly cachedTokens: number
  readonly completionTokens: number
}

/** Is told what the server does. Must not throw. */
export interface ServerObserver {
  onRequest?(record: RequestRecord): void
  /** Seconds from the request's arrival to its first token, once per text. */
  onFirstToken?(model: string, seconds: number): void
  /** Seconds between two tokens of one text. */
  onNextToken?(model: string, seconds: number): void
}
