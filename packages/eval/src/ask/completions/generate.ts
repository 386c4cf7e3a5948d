import { cutAtStops } from '../cut-at-stops.ts'
import type { Answered } from '../eval-model.ts'
import { fitPrompt } from '../fit-prompt.ts'
import { stopList } from '../generation-arguments.ts'
import { about } from '../name-request.ts'
import type { Placed } from '../placed-requests.ts'
import type { GenerateRequest } from '../requests.ts'
import { samplingOf } from '../sampling.ts'
import type { Asking } from './asking.ts'
import { batched, inParallel } from './in-parallel.ts'
import { BODY_ROOM, bytesOf, PATH } from './open-server.ts'
import { readChoices } from './read-completion.ts'

interface Prompt {
  readonly placed: Placed<GenerateRequest>
  readonly prompt: string | readonly number[]
  /** Where the answer is cut. */
  readonly stops: readonly string[]
  /** All of the request but the prompt. */
  readonly fields: Readonly<Record<string, unknown>>
}

/** OpenAI takes four. Further ones are cut here. */
const MOST_STOPS = 4

/** Answers with text. Prompts go together that want the same. */
export async function* generateByCompletions(
  asking: Asking,
  texts: readonly Placed<GenerateRequest>[],
  maxLength: number | undefined,
): AsyncGenerator<Answered, void> {
  const { endpoint, model, batchSize, concurrency, signal, options } = asking

  async function* prompts(): AsyncGenerator<Prompt, void> {
    for (const placed of texts) yield await about(placed.request, () => promptOf(placed, asking, maxLength))
  }

  const ask = async (batch: readonly Prompt[], stop: AbortSignal): Promise<Answered[]> => {
    const prompt = batch.map((each) => each.prompt)
    const body = { model, prompt, ...batch[0]!.fields }
    const choices = readChoices(await endpoint.post(PATH, body, stop), batch.length)
    return batch.map(({ placed: { index }, stops }, i) => {
      const text = cutAtStops(choices[i]!.text, stops, options.thinkEnd)
      return { index, answer: { kind: 'generate_until', text } }
    })
  }

  const batches = batched(prompts(), {
    most: batchSize,
    kindOf: ({ fields }) => JSON.stringify(fields),
    room: BODY_ROOM,
    sizeOf: ({ prompt }) => bytesOf(prompt),
  })
  for await (const answers of inParallel(batches, { concurrency, signal }, ask)) yield* answers
}

async function promptOf(
  placed: Placed<GenerateRequest>,
  { tokens, options, notices }: Asking,
  maxLength: number | undefined,
): Promise<Prompt> {
  const { context, arguments: given } = placed.request
  const { truncation, thinkEnd, seed } = options
  const stops = stopList(given.until, tokens?.endText).filter((stop) => stop !== '')
  let prompt: string | readonly number[] = context
  let maxTokens = given.max_gen_toks
  if (tokens) {
    prompt = await tokens.encode(context)
    if (maxLength !== undefined) {
      const fitted = fitPrompt(prompt, maxTokens, maxLength, truncation)
      if (fitted.tokens.length < prompt.length) notices.promptCut()
      if (fitted.maxTokens < maxTokens) notices.answerShortened()
      prompt = fitted.tokens
      maxTokens = fitted.maxTokens
    }
  }
  const sampling = samplingOf(placed.request, seed)
  const stop = thinkEnd === undefined ? stops.slice(0, MOST_STOPS) : []
  const fields = {
    max_tokens: maxTokens,
    ...(stop.length > 0 && { stop }),
    temperature: sampling?.temperature ?? 0,
    ...(sampling?.topP !== undefined && { top_p: sampling.topP }),
    ...(sampling?.topK !== undefined && { top_k: sampling.topK }),
    ...(sampling?.minP !== undefined && { min_p: sampling.minP }),
    ...(sampling?.repetitionPenalty !== undefined && { repetition_penalty: sampling.repetitionPenalty }),
    ...(sampling?.seed !== undefined && { seed: sampling.seed }),
  }
  return { placed, prompt, stops, fields }
}
