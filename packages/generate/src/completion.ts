import type { FinishReason, Generation } from './generation.ts'
import type { Usage } from './usage.ts'

/** A generation that has come to its end. */
export interface Completion {
  readonly text: string
  readonly tokens: readonly number[]
  /** ln of the model's probability of each token. */
  readonly logprobs: readonly number[]
  readonly finishReason: FinishReason
  readonly usage: Usage
}

/** Waits for all pieces of a generation. */
export async function collect(generation: Generation): Promise<Completion> {
  let text = ''
  const tokens: number[] = []
  const logprobs: number[] = []
  let finishReason: FinishReason = 'length'
  for await (const piece of generation) {
    text += piece.text
    tokens.push(piece.token)
    logprobs.push(piece.logprob)
    finishReason = piece.finishReason ?? finishReason
  }
  return { text, tokens, logprobs, finishReason, usage: generation.usage }
}
