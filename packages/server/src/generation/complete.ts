import type { CompletionRequest, CompletionResponse } from '../schemas/completions.ts'
import { completionLogprobsWriter, type ScoredToken } from './logprobs.ts'
import type { Prompt } from './prompts.ts'
import { runTexts, type TextJob } from './run-texts.ts'
import { samplingOf } from './sampling.ts'
import { fingerprintOf, usageOf } from './usage.ts'
import type { Work } from './work.ts'

/** OpenAI's default for completions. */
const MAX_TOKENS = 16

export interface CompletionTask {
  readonly request: CompletionRequest
  readonly prompts: readonly Prompt[]
  /** Answers per prompt, and texts that are made to choose them from. */
  readonly n: number
  readonly bestOf: number
}

type Choice = CompletionResponse['choices'][number]

/** The prompts with all their log-probabilities, where the answer is to begin with them. */
async function scorePrompts(work: Work, { prompts, request }: CompletionTask): Promise<ScoredToken[][] | undefined> {
  const { logprobs, echo } = request
  if (!echo || typeof logprobs !== 'number') return undefined
  return Promise.all(
    prompts.map(async ({ tokens }) => {
      const { served, rows, signal } = work
      const scores = await served.model.score(tokens, { ...rows, topLogprobs: logprobs, signal })
      work.tables = scores.tables ?? null
      return tokens.map((token, i) => ({
        token,
        logprob: i === 0 ? null : scores.logprobs[i - 1]!,
        topLogprobs: scores.topLogprobs?.[i - 1],
      }))
    }),
  )
}

const jobsOf = ({ request, prompts, bestOf }: CompletionTask): TextJob[] =>
  prompts.flatMap((prompt) =>
    Array.from({ length: bestOf }, (_, choice) => ({
      prompt,
      isFirst: choice === 0,
      options: {
        ...samplingOf(request, choice),
        maxTokens: request.max_tokens ?? MAX_TOKENS,
        logprobs: typeof request.logprobs === 'number' || bestOf > (request.n ?? 1),
        topLogprobs: request.logprobs ?? 0,
      },
    })),
  )

/** The text that echo puts before the answer. */
const echoed = ({ served }: Work, { text, tokens }: Prompt): string =>
  text ?? served.model.tokenizer?.decode(tokens) ?? ''

/** Choices as they grow: each has what was added. */
async function* completionPieces(work: Work, task: CompletionTask): AsyncGenerator<Choice & Made, void> {
  const { request, prompts, bestOf } = task
  const { echo, logprobs } = request
  const jobs = jobsOf(task)
  const scores = await scorePrompts(work, task)
  const writers = jobs.map(({ prompt }) =>
    typeof logprobs === 'number'
      ? completionLogprobsWriter(work.served, echo ? [] : prompt.tokens, logprobs)
      : undefined,
  )
  if (echo) {
    for (const index of jobs.keys()) {
      const prompt = Math.floor(index / bestOf)
      const written = scores && writers[index] ? writers[index].write(scores[prompt]!) : null
      yield {
        index,
        text: echoed(work, prompts[prompt]!),
        finish_reason: null,
        logprobs: written,
        logprob: 0,
        tokens: 0,
      }
    }
  }
  if (request.max_tokens === 0) {
    for (const { isFirst, prompt } of jobs) if (isFirst) work.counts.promptTokens += prompt.tokens.length
    for (const index of jobs.keys()) {
      yield { index, text: '', finish_reason: 'length', logprobs: null, logprob: 0, tokens: 0 }
    }
    return
  }
  for await (const { text: index, piece } of runTexts(work, jobs)) {
    const { text, token, logprob, topLogprobs, finishReason } = piece
    const written = writers[index]?.write([{ token, logprob, topLogprobs }]) ?? null
    yield { index, text, finish_reason: finishReason ?? null, logprobs: written, logprob, tokens: 1 }
  }
}

/** To choose the likeliest by. */
interface Made {
  readonly logprob: number
  readonly tokens: number
}

const envelope = (work: Work) => {
  const { id, created, served, tables } = work
  return {
    id,
    object: 'text_completion' as const,
    created,
    model: served.id,
    system_fingerprint: fingerprintOf(tables),
    tables,
  }
}

/** The chunks of a streamed answer. */
export async function* completionChunks(work: Work, task: CompletionTask): AsyncGenerator<CompletionResponse, void> {
  const withUsage = task.request.stream_options?.include_usage === true
  const usage = withUsage ? { usage: null } : {}
  for await (const { index, text, finish_reason, logprobs } of completionPieces(work, task)) {
    if (text === '' && finish_reason === null && logprobs === null) continue
    yield { ...envelope(work), choices: [{ index, text, finish_reason, logprobs }], ...usage }
  }
  if (withUsage) yield { ...envelope(work), choices: [], usage: usageOf(work) }
}

/** The answer as a whole. */
export async function completionAnswer(work: Work, task: CompletionTask): Promise<CompletionResponse> {
  const { prompts, n, bestOf } = task
  const made = Array.from({ length: prompts.length * bestOf }, () => ({ ...EMPTY }))
  for await (const piece of completionPieces(work, task)) {
    const whole = made[piece.index]!
    whole.text += piece.text
    whole.logprob += piece.logprob
    whole.tokens += piece.tokens
    whole.finish_reason = piece.finish_reason ?? whole.finish_reason
    whole.logprobs = joined(whole.logprobs, piece.logprobs)
  }
  const choices = prompts.flatMap((_, prompt) => {
    const ofPrompt = made.slice(prompt * bestOf, (prompt + 1) * bestOf)
    if (bestOf > n) ofPrompt.sort((a, b) => perToken(b) - perToken(a))
    return ofPrompt.slice(0, n)
  })
  return {
    ...envelope(work),
    choices: choices.map(({ text, finish_reason, logprobs }, index) => ({ index, text, finish_reason, logprobs })),
    usage: usageOf(work),
  }
}

const EMPTY: Omit<Choice, 'index'> & { logprob: number; tokens: number } = {
  text: '',
  finish_reason: null,
  logprobs: null,
  logprob: 0,
  tokens: 0,
}

const perToken = ({ logprob, tokens }: Made): number => logprob / Math.max(1, tokens)

function joined(whole: Choice['logprobs'], piece: Choice['logprobs']): Choice['logprobs'] {
  if (!whole || !piece) return whole ?? piece
  whole.tokens.push(...piece.tokens)
  whole.token_logprobs.push(...piece.token_logprobs)
  if (piece.top_logprobs) whole.top_logprobs?.push(...piece.top_logprobs)
  whole.text_offset.push(...piece.text_offset)
  return whole
}
