import type { AnswerOptions } from '../answer-options.ts'
import type { Notices } from '../notices.ts'
import type { EvalTokens } from '../text-tokens.ts'
import type { Endpoint } from './post-completion.ts'

/** What it takes to ask a server. */
export interface Asking {
  readonly endpoint: Endpoint
  readonly model: string
  /** Undefined where texts are sent as they are. */
  readonly tokens: EvalTokens | undefined
  readonly options: AnswerOptions
  readonly batchSize: number
  readonly concurrency: number
  readonly notices: Notices
  readonly signal: AbortSignal | undefined
}
