import type { EvalAnswer, EvalRequest } from './requests.ts'

export interface AskOptions {
  readonly signal?: AbortSignal | undefined
  /** Told what a user should know: that contexts were cut, say. */
  readonly onNotice?: ((notice: string) => void) | undefined
}

/** One answer, and the position of its request. */
export interface Answered {
  readonly index: number
  readonly answer: EvalAnswer
  /** Whether it was known before. */
  readonly cached?: boolean
}

/** Messages of a chat, rendered by the model's own template. */
export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant'
  readonly content: string
}

/** What can be evaluated: something that answers questions about text. */
export interface EvalModel {
  /** Names weights, tables and whatever else changes an answer: part of the key under which answers are kept. */
  readonly id: string
  /** The longest input in tokens, where it is known. */
  readonly maxLength?: number | undefined
  /** Answers each request once, in any order, as answers become known. The answer's kind is the request's. */
  answer(requests: readonly EvalRequest[], options?: AskOptions): AsyncIterable<Answered>
  /** Rejects with what is wrong with a request that it cannot answer, as far as that is seen without asking it. */
  check?(request: EvalRequest): Promise<void>
  /** Text of a chat, where the model has a template. With `addGenerationPrompt`, it ends where the assistant begins. */
  applyChatTemplate?(messages: readonly ChatMessage[], options: { readonly addGenerationPrompt: boolean }): string
  /** How many tokens a text has, for tasks that build their prompts to a length. */
  countTokens?(text: string): number | Promise<number>
}
