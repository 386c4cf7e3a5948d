import { StemkitError } from '@stemkit/spec/errors'
import { createPieces } from './pieces.ts'
import { endsOf, readPrompt, type PromptReader } from './prompt.ts'
import type { RowSource } from './rows/row-source.ts'
import type { Job } from './scheduler/job.ts'
import type { Scheduler } from './scheduler/scheduler.ts'
import { createTokenChooser, type ChooserOptions, type TokenLogprob } from './sampling/token-chooser.ts'
import type { TableRows } from './table-rows.ts'
import type { Usage } from './usage.ts'

/** Whose rows a request reads, instead of the model's own tables. */
export interface TableOptions {
  /** Overlays over the model's tables by name, the last on top. */
  readonly overlay?: string | readonly string[] | undefined
  /** Other rows: a store, or what `overlayRows` gives. They stay the caller's, and open until the request has ended. */
  readonly rows?: RowSource | undefined
  /**
   * Which row each token reads, from the first on [n]: that of another token, or one that `rows` has beyond the vocabulary.
   * Those after them read their own. The embedding sees the tokens as they are.
   */
  readonly tableIds?: readonly number[] | undefined
}

export interface GenerateOptions extends ChooserOptions, TableOptions {
  /** Default: until the model ends the text, or its length is reached. */
  readonly maxTokens?: number | undefined
  /** Strings that end the text; they are left out of it. */
  readonly stop?: readonly string[] | undefined
  /** Tokens that end the text. Default: the tokenizer's EOS and BOS. */
  readonly stopTokens?: readonly number[] | undefined
  readonly signal?: AbortSignal | undefined
}

/** `stop`: the model ended the text, or a stop string occurred. `length`: maxTokens or the model's length was reached. */
export type FinishReason = 'stop' | 'length'

/** One generated token. */
export interface Piece {
  /** Text that became certain with this token. Never half a character, never the start of a stop string; may be ''. */
  readonly text: string
  readonly token: number
  /** ln of the model's own probability of the token, whatever the sampling options; NaN with `logprobs: false`. */
  readonly logprob: number
  /** The likeliest tokens here, likeliest first, as many as were asked for. */
  readonly topLogprobs?: readonly TokenLogprob[]
  /** Set on the last piece. */
  readonly finishReason?: FinishReason
}

/**
 * Tokens as they are made. Iterate once; nothing happens before. Leaving the loop, by `break`, `return()` or the signal, ends
 * the work with the step that is running. An iterator that is merely not read any more keeps its place for four steps; then
 * others may have it, until somebody reads on.
 */
export interface Generation extends AsyncIterable<Piece> {
  /** What the prompt became. */
  readonly promptTokens: readonly number[]
  /** So far. */
  readonly usage: Usage
  /** Table and version that it reads, with overlays; undefined for tables without versions, and for overlays before the first piece. */
  readonly tables: string | undefined
}

export interface Generator extends PromptReader {
  /** Tokens that may come out. */
  readonly vocabSize: number
  readonly scheduler: Pick<Scheduler, 'submit' | 'cancel'>
  rowsOf(options: TableOptions): TableRows | Promise<TableRows>
}

/**
 * Steps that may pass without the reader taking a piece, and pieces that may be ready for it, before its sequence is put
 * aside. Readers take pieces between steps, unless what they write to is slow.
 */
const STEPS_AHEAD = 4
const PIECES_AHEAD = 16

/**
 * Continues `prompt`, a text or token ids.
 * @throws bad-input, at once, for options out of range, a prompt that is empty, leaves no room or has ids out of range; while iterating:
 *   diverged for logits that are no numbers, not-found for an overlay that is not there, and the reason of `signal`
 */
export function startGeneration(
  model: Generator,
  prompt: string | readonly number[],
  options: GenerateOptions = {},
): Generation {
  const { maxTokens = Infinity, stop = [], signal } = options
  if (maxTokens !== Infinity && !(Number.isInteger(maxTokens) && maxTokens >= 0)) {
    throw new StemkitError('bad-input', `generate: maxTokens is ${maxTokens}, but must be a whole number, 0 or more`)
  }
  const promptTokens = readPrompt(model, prompt)
  const chooser = createTokenChooser(options, { prompt: promptTokens, vocabSize: model.vocabSize })
  const limit = Math.min(maxTokens, model.maxLength - promptTokens.length)
  const makePiece = createPieces({
    tokenizer: model.tokenizer,
    promptTokens,
    stop,
    ends: new Set(options.stopTokens ?? endsOf(model.tokenizer)),
    limit,
  })
  const state = {
    cached: 0,
    made: 0,
    rows: undefined as TableRows | undefined,
    tables: undefined as string | undefined,
    isStarted: false,
  }

  async function* pieces(): AsyncGenerator<Piece, void> {
    if (state.isStarted) {
      throw new StemkitError('bad-input', 'generate: a generation can be iterated once; start another one')
    }
    state.isStarted = true
    signal?.throwIfAborted()
    const rows = await model.rowsOf(options)
    signal?.throwIfAborted()
    state.tables = rows.name
    if (limit === 0) return

    const tokens = [...promptTokens]
    const ready: Piece[] = []
    let ended: { readonly error?: unknown } | undefined
    let isLast = false
    let unreadSteps = 0
    let isStepCounted = false
    let wake = (): void => {}
    const job: Job = {
      tokens,
      rows,
      promptLength: promptTokens.length,
      get firstAsked() {
        return tokens.length - 1
      },
      get remaining() {
        return isLast ? 0 : limit - state.made
      },
      get done() {
        return isLast
      },
      get full() {
        return unreadSteps >= STEPS_AHEAD || ready.length >= PIECES_AHEAD
      },
      take(logits) {
        const piece = makePiece(chooser.choose(logits.subarray(0, model.vocabSize)))
        tokens.push(piece.token)
        state.made++
        isLast = piece.finishReason !== undefined
        ready.push(piece)
        countStep()
        wake()
      },
      begun: (cached) => (state.cached = cached),
      ended(error) {
        ended ??= { error }
        wake()
      },
    }
    /** A step may make several pieces, all at once. */
    const countStep = (): void => {
      if (isStepCounted) return
      isStepCounted = true
      unreadSteps++
      queueMicrotask(() => (isStepCounted = false))
    }
    const abort = (): void => {
      ready.length = 0
      ended = { error: signal!.reason }
      model.scheduler.cancel(job)
      wake()
    }
    signal?.addEventListener('abort', abort, { once: true })
    try {
      model.scheduler.submit(job)
      for (;;) {
        const piece = ready.shift()
        if (piece) {
          unreadSteps = 0
          yield piece
          if (piece.finishReason) return
          // It may have been put aside. If not, this does nothing.
          if (ready.length < STEPS_AHEAD && !ended) model.scheduler.submit(job)
        } else if (ended) throw ended.error
        else await new Promise<void>((resolve) => (wake = resolve))
      }
    } finally {
      signal?.removeEventListener('abort', abort)
      model.scheduler.cancel(job)
    }
  }

  return {
    promptTokens,
    get usage() {
      const { cached, made } = state
      return {
        promptTokens: promptTokens.length,
        cachedTokens: cached,
        completionTokens: made,
        totalTokens: promptTokens.length + made,
      }
    },
    get tables() {
      return state.tables
    },
    [Symbol.asyncIterator]: pieces,
  }
}
