import { StemkitError } from '@stemkit/spec/errors'
import type { Job } from './scheduler/job.ts'
import type { Scheduler } from './scheduler/scheduler.ts'
import { argmax, logSumExp } from './sampling/softmax.ts'
import { checkTopLogprobs, likeliest, type TokenLogprob } from './sampling/token-chooser.ts'
import type { TableOptions } from './generation.ts'
import type { TableRows } from './table-rows.ts'

export interface ScoreOptions extends TableOptions {
  /** The first token to score, at least 1. Default 1: all that have a token before them. */
  readonly from?: number | undefined
  /** How many of the likeliest tokens to name at each place, 0 to 20. Default 0. */
  readonly topLogprobs?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** One entry per scored token. */
export interface Scores {
  /** ln of the probability of each token after the tokens before it. */
  readonly logprobs: Float64Array
  /** The likeliest token at each of these places. */
  readonly best: Int32Array
  /** The likeliest tokens there, likeliest first, if they were asked for. */
  readonly topLogprobs?: readonly (readonly TokenLogprob[])[]
  /** Tokens that were not computed, because an earlier request had begun with them. */
  readonly cachedTokens: number
  /** Table and version that was read, with overlays. */
  readonly tables: string | undefined
}

/** Reads `tokens` and hands over the logits [V] after each of them, from the one at `firstAsked` on. */
export function readLogits(
  scheduler: Pick<Scheduler, 'submit' | 'cancel'>,
  rows: TableRows,
  { tokens, firstAsked }: Pick<Job, 'tokens' | 'firstAsked'>,
  take: (logits: Float32Array, at: number) => void,
  signal: AbortSignal | undefined,
): Promise<{ readonly cachedTokens: number; readonly tables: string | undefined }> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted()
    const tables = rows.name
    let cachedTokens = 0
    let next = firstAsked
    const abort = (): void => {
      scheduler.cancel(job)
      reject(signal!.reason as Error)
    }
    const job: Job = {
      tokens,
      firstAsked,
      promptLength: tokens.length,
      remaining: 0,
      rows,
      full: false,
      get done() {
        return next === tokens.length
      },
      take(logits, at) {
        take(logits, at)
        next = at + 1
      },
      begun: (cached) => (cachedTokens = cached),
      ended(error) {
        signal?.removeEventListener('abort', abort)
        if (error === undefined) resolve({ cachedTokens, tables })
        else reject(error as Error)
      },
    }
    signal?.addEventListener('abort', abort, { once: true })
    scheduler.submit(job)
  })
}

/** How likely the tokens from `from` on are, each after those before it. */
export async function scoreTokens(
  scheduler: Pick<Scheduler, 'submit' | 'cancel'>,
  rows: TableRows,
  tokens: readonly number[],
  { from = 1, topLogprobs = 0, signal }: ScoreOptions,
): Promise<Scores> {
  const logprobs = new Float64Array(tokens.length - from)
  const best = new Int32Array(logprobs.length)
  const likely: TokenLogprob[][] = []
  const sources =
    logprobs.length === 0
      ? { cachedTokens: 0, tables: rows.name }
      : await readLogits(
          scheduler,
          rows,
          // The last token is not read, only foretold.
          { tokens: tokens.slice(0, -1), firstAsked: from - 1 },
          (logits, at) => {
            const i = at + 1 - from
            best[i] = argmax(logits)
            const total = logSumExp(logits, logits[best[i]!]!)
            logprobs[i] = logits[tokens[at + 1]!]! - total
            if (!Number.isFinite(logits[best[i]!])) {
              throw new StemkitError(
                'diverged',
                `score: the logits after ${at + 1} tokens are no numbers; check the weights`,
              )
            }
            if (topLogprobs > 0) likely.push(likeliest(logits, topLogprobs, total))
          },
          signal,
        )
  return { logprobs, best, ...(topLogprobs > 0 && { topLogprobs: likely }), ...sources }
}

/** @throws bad-input for a `from` or `topLogprobs` out of range */
export function checkScoreOptions(tokens: readonly number[], { from = 1, topLogprobs = 0 }: ScoreOptions): void {
  if (!Number.isInteger(from) || from < 1 || from > tokens.length) {
    throw new StemkitError(
      'bad-input',
      `score: from is ${from}, but must be in 1..${tokens.length}, the number of tokens`,
    )
  }
  checkTopLogprobs('score', topLogprobs)
}
