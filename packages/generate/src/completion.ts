import type { FinishReason, Generation } from './generation.ts'
import type { TokenLogprob } from './sampling/token-chooser.ts'
import type { Usage } from './usage.ts'

/** A generation that has come to its end. */
export interface Completion {
  readonly text: string
  readonly tokens: readonly number[]
  /** ln of the model's probability of each token. */
  readonly logprobs: readonly number[]
  /** The likeliest tokens at each place, if they were asked for. */
  readonly topLogprobs?: readonly (readonly TokenLogprob[])[]
  readonly finishReason: FinishReason
  readonly usage: Usage
  /** Table and version that was read, with overlays; undefined for tables without versions. */
  readonly tables: string | undefined
}

/** Waits for all pieces of a generation. */
export async function collect(generation: Generation): Promise<Completion> {
  let text = ''
  const tokens: number[] = []
  const logprobs: number[] = []
  const likely: (readonly TokenLogprob[])[] = []
  let finishReason: FinishReason = 'length'
  for await (const piece of generation) {
    text += piece.text
    tokens.push(piece.token)
    logprobs.push(piece.logprob)
    if (piece.topLogprobs) likely.push(piece.topLogprobs)
    finishReason = piece.finishReason ?? finishReason
  }
  const { usage, tables } = generation
  return { text, tokens, logprobs, ...(likely.length > 0 && { topLogprobs: likely }), finishReason, usage, tables }
}
