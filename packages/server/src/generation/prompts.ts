import type { Model } from '@stemkit/generate'
import { badRequest } from '../api-error.ts'
import type { PromptInput } from '../schemas/completions.ts'
import { longestToken } from './longest-token.ts'

/** A prompt as the model reads it. */
export interface Prompt {
  readonly tokens: readonly number[]
  /** As it was given; undefined for token ids. */
  readonly text: string | undefined
}

export interface PromptRules {
  /** Whether the prompt is only scored: then its last token needs no room. */
  readonly scoredOnly: boolean
  /** The tokenizer's own template around a text (a BOS, say). Not for chats, whose template writes it. */
  readonly addSpecial: boolean
  /** The field that errors are about. */
  readonly param: string
}

/** What of a model prompts are made for. */
export interface PromptReader extends Pick<Model, 'tokenizer' | 'maxLength'> {
  readonly config: Pick<Model['config'], 'vocabSize'>
}

/** @throws 400 for a text without a tokenizer, for ids that are no tokens, and for prompts that leave no room */
export function encodePrompts(model: PromptReader, input: PromptInput, rules: PromptRules): Prompt[] {
  if (typeof input === 'string') return [encodePrompt(model, input, rules)]
  const many = isTokens(input) ? [input] : input
  return many.map((each) => encodePrompt(model, each, rules))
}

const isTokens = (input: string[] | number[] | number[][]): input is number[] => typeof input[0] === 'number'

function encodePrompt(
  { tokenizer, config, maxLength }: PromptReader,
  given: string | number[],
  { scoredOnly, addSpecial, param }: PromptRules,
): Prompt {
  const text = typeof given === 'string' ? given : undefined
  if (text !== undefined && !tokenizer) throw badRequest('The model has no tokenizer; give token ids.', param)
  const most = scoredOnly ? maxLength + 1 : maxLength - 1
  const tooLong = (found: string) =>
    badRequest(
      `This model's maximum context length is ${maxLength} tokens, and the prompt has ${found}; ${scoredOnly ? `at most ${most} can be scored` : 'shorten it, so that there is room for an answer'}.`,
      param,
      'context_length_exceeded',
    )
  // Megabytes would take the tokenizer seconds, in which nobody else is answered.
  if (text !== undefined && text.length > longestToken(tokenizer!) * (maxLength + 1))
    throw tooLong(`${text.length} characters`)
  const start = tokenizer?.special.bos ?? tokenizer?.special.eos
  const encoded = typeof given === 'string' ? Array.from(tokenizer!.encode(given, { addSpecial })) : given
  const tokens = encoded.length === 0 && start !== undefined ? [start] : encoded
  if (tokens.length === 0) throw badRequest('The prompt is empty, and the model has no token to start from.', param)
  const unknown = tokens.find((id) => id >= config.vocabSize)
  if (unknown !== undefined) {
    throw badRequest(`The prompt has the token ${unknown}; the model's are 0 to ${config.vocabSize - 1}.`, param)
  }
  if (tokens.length > most) throw tooLong(String(tokens.length))
  return { tokens, text }
}
