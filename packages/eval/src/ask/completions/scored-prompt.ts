import { StemkitError } from '@stemkit/spec/errors'
import { codePoints } from '../../python/text.ts'
import { moveSpace, type TokenPair } from '../encode-pair.ts'
import type { LoglikelihoodRequest } from '../requests.ts'
import { scoresBetween, type ChoiceScore, type CompletionChoice } from './read-completion.ts'

/** A prompt whose end is scored, and how its score is read from the answer, which may have `made` tokens more. */
export interface ScoredPrompt {
  readonly prompt: string | readonly number[]
  read(choice: CompletionChoice, made: number): ChoiceScore
}

/** @throws while reading: bad-input where the server adds tokens of its own */
export function promptOfTokens({ context, continuation }: TokenPair): ScoredPrompt {
  const prompt = [...context, ...continuation]
  return {
    prompt,
    read(choice, made) {
      const found = choice.logprobs?.token_logprobs.length
      if (found !== undefined && found !== prompt.length && found !== prompt.length + made) {
        throw new StemkitError(
          'bad-input',
          `the server scores ${found} tokens of a prompt of ${prompt.length}: it adds some, a BOS say, or cuts it; switch that off there`,
        )
      }
      return scoresBetween(choice, context.length, prompt.length)
    },
  }
}

/**
 * Text, which the server makes tokens of. Its continuation is found by where the server says that tokens begin.
 * @throws while reading: unsupported where no token begins with the continuation
 */
export function promptOfText(request: LoglikelihoodRequest): ScoredPrompt {
  const { context, continuation } = moveSpace(request.context, request.continuation)
  const prompt = context + continuation
  return {
    prompt,
    read(choice, made) {
      const offsets = choice.logprobs?.text_offset ?? []
      const end = offsets.length - made
      const length = (offsets[end - 1] ?? 0) + (choice.logprobs?.tokens?.[end - 1]?.length ?? 0)
      // Places are counted in UTF-16 units or in characters: by where the text ends one sees which.
      const lengthOf = [(text: string) => text.length, codePoints].find((each) => each(prompt) === length)
      let from = lengthOf ? offsets.indexOf(lengthOf(context)) : -1
      if (from < 0 || from >= end) {
        throw new StemkitError(
          'unsupported',
          'the server does not say that a token begins where the continuation does; give the tokenizer of its model',
        )
      }
      // What starts the text has no text, and nothing foretells it.
      if (context === '') while (choice.logprobs?.token_logprobs[from] === null && offsets[from + 1] === 0) from++
      return scoresBetween(choice, from, end)
    },
  }
}
