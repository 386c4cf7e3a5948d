import { StemkitError } from '@stemkit/spec/errors'
import type { Answered } from '../eval-model.ts'
import { about } from '../name-request.ts'
import type { Placed, ScoreRequest } from '../placed-requests.ts'
import { nothingScored, scoredPairs, scoreQuestion, type ScoreQuestion } from '../score-question.ts'
import type { Asking } from './asking.ts'
import { batched, inParallel } from './in-parallel.ts'
import { BODY_ROOM, bytesOf, PATH } from './open-server.ts'
import { readChoices } from './read-completion.ts'
import { promptOfText, promptOfTokens, type ScoredPrompt } from './scored-prompt.ts'

interface Part {
  readonly request: ScoreRequest
  readonly scored: ScoredPrompt
  readonly question: ScoreQuestion
  readonly part: number
}

export interface ScoringOptions {
  /** Tokens that the server makes besides. */
  readonly made: 0 | 1
  /** Tokens that are read at most, where that is known. */
  readonly maxLength: number | undefined
}

/** Scores requests by the log-probabilities of prompts. */
export async function* scoreByCompletions(
  asking: Asking,
  scores: readonly Placed<ScoreRequest>[],
  { made, maxLength }: ScoringOptions,
): AsyncGenerator<Answered, void> {
  const { endpoint, model, batchSize, concurrency, signal } = asking
  const empty: Answered[] = []

  async function* parts(): AsyncGenerator<Part, void> {
    for (const placed of scores) {
      const { request } = placed
      const prompts = await about(request, () => promptsOf(request, asking, maxLength))
      if (prompts.length === 0) empty.push(nothingScored(placed))
      const question = scoreQuestion(placed, prompts.length)
      for (const [part, scored] of prompts.entries()) yield { request, scored, question, part }
    }
  }

  const ask = async (batch: readonly Part[], stop: AbortSignal): Promise<Answered[]> => {
    const prompt = batch.map(({ scored }) => scored.prompt)
    const body = { model, prompt, echo: true, logprobs: 1, max_tokens: made, temperature: 0 }
    const choices = readChoices(await endpoint.post(PATH, body, stop), batch.length)
    const answers: Answered[] = []
    for (const [i, { request, scored, question, part }] of batch.entries()) {
      const { logprobs, greedy } = await about(request, async () => scored.read(choices[i]!, made))
      const answered = question.take(part, logprobs, greedy)
      if (answered) answers.push(answered)
    }
    return answers
  }

  const rules = { most: batchSize, room: BODY_ROOM, sizeOf: ({ scored }: Part) => bytesOf(scored.prompt) }
  for await (const answers of inParallel(batched(parts(), rules), { concurrency, signal }, ask)) yield* answers
  yield* empty
}

async function promptsOf(
  request: ScoreRequest,
  { tokens, notices }: Asking,
  maxLength: number | undefined,
): Promise<readonly ScoredPrompt[]> {
  if (tokens) return (await scoredPairs(request, { tokens, maxLength, notices })).map(promptOfTokens)
  if (request.kind === 'loglikelihood') return [promptOfText(request)]
  throw new StemkitError(
    'unsupported',
    'a whole text is scored in windows of tokens, which takes the tokenizer of the model; give it',
  )
}
