import { StemkitError } from '@stemkit/spec/errors'
import * as z from 'zod'
import type { Endpoint } from './post-completion.ts'
import { readChoices } from './read-completion.ts'

export const PATH = '/completions'

/** Bytes of prompts in one request, if there are several: servers refuse long bodies. */
export const BODY_ROOM = 2 ** 20

/** About how many bytes a prompt takes as JSON. */
export const bytesOf = (prompt: string | readonly number[]): number =>
  (typeof prompt === 'string' ? 2 : 7) * prompt.length

const models = z.object({
  data: z.array(z.object({ id: z.string(), max_model_len: z.number().optional(), owned_by: z.string().optional() })),
})

/** What a server says of one of its models; nothing, where it does not list them. */
export async function describeModel(
  endpoint: Endpoint,
  model: string,
  signal: AbortSignal | undefined,
): Promise<{ readonly maxLength?: number | undefined; readonly isStemkit: boolean }> {
  const parsed = models.safeParse(await endpoint.get('/models', signal))
  if (!parsed.success) return { isStemkit: false }
  const { data } = parsed.data
  const found = data.find(({ id }) => id === model)
  // Some list only what their models are made of; the name may be right all the same.
  return { maxLength: found?.max_model_len, isStemkit: found?.owned_by === 'stemkit' }
}

/** How a server is asked for the log-probabilities of a prompt. */
export interface Scoring {
  /** Tokens that it has to make besides: some insist on one. */
  readonly made: 0 | 1
}

/**
 * Finds out by one short request.
 * @throws unsupported where the server does not give log-probabilities of prompts
 */
export async function openScoring(
  endpoint: Endpoint,
  model: string,
  signal: AbortSignal | undefined,
): Promise<Scoring> {
  const ask = async (made: 0 | 1): Promise<Scoring> => {
    const body = { model, prompt: 'a b', echo: true, logprobs: 1, max_tokens: made, temperature: 0 }
    const [choice] = readChoices(await endpoint.post(PATH, body, signal), 1)
    const found = choice?.logprobs?.token_logprobs.length ?? 0
    if (found > made) return { made }
    throw new StemkitError('unsupported', 'its answer has none')
  }
  try {
    return await ask(0).catch((error: unknown) => {
      if (StemkitError.isInstance(error) && error.code !== 'io') return ask(1)
      throw error
    })
  } catch (cause) {
    if (!StemkitError.isInstance(cause) || cause.code === 'io') throw cause
    throw new StemkitError(
      'unsupported',
      `${endpoint.name}${PATH} gives no log-probabilities of prompts (echo with logprobs), so only tasks that generate text can be run with it: ${cause.message}`,
      { cause },
    )
  }
}
