import { StemkitError } from '@stemkit/spec/errors'
import * as z from 'zod'

const scoredTokens = z.object({
  tokens: z.array(z.string()).nullish(),
  token_logprobs: z.array(z.number().nullable()),
  top_logprobs: z.array(z.record(z.string(), z.number()).nullable()).nullish(),
  text_offset: z.array(z.number()).nullish(),
})

const completion = z.object({
  choices: z.array(z.object({ index: z.int(), text: z.string(), logprobs: scoredTokens.nullish() })),
})

export type CompletionChoice = z.infer<typeof completion>['choices'][number]

/** The choices of an answer, one for each of `count` prompts, in their order. */
export function readChoices(body: unknown, count: number): CompletionChoice[] {
  const parsed = completion.safeParse(body)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw new StemkitError(
      'corrupt',
      `the server's answer is no completion: ${issue!.path.join('.')}: ${issue!.message}`,
    )
  }
  const choices = parsed.data.choices.toSorted((a, b) => a.index - b.index)
  if (choices.length !== count) {
    throw new StemkitError('corrupt', `the server answers ${count} prompts with ${choices.length} texts`)
  }
  return choices
}

export interface ChoiceScore {
  readonly logprobs: readonly number[]
  readonly greedy: boolean
}

/** Scores of the tokens of a prompt from `from` to `to`. */
export function scoresBetween({ logprobs: found }: CompletionChoice, from: number, to: number): ChoiceScore {
  const tokens = found?.token_logprobs.slice(from, to) ?? []
  const likeliest = found?.top_logprobs?.slice(from, to)
  const missing = tokens.length < to - from || tokens.includes(null)
  if (!found || !likeliest || missing) {
    throw new StemkitError(
      'unsupported',
      found && likeliest
        ? 'the server gives a token of the continuation no log-probability'
        : 'the server gives no log-probabilities of prompts; only tasks that generate text can be run with it',
    )
  }
  const logprobs = tokens.map((each) => each ?? Number.NaN)
  const greedy = likeliest.every((named, i) => named !== null && logprobs[i]! >= Math.max(...Object.values(named)))
  return { logprobs, greedy }
}
