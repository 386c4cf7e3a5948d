import type { FinishReason } from '@stemkit/generate'
import type { ChatChunk, ChatLogprobs, ChatRequest, ChatResponse } from '../schemas/chat.ts'
import { chatLogprobs } from './logprobs.ts'
import type { Prompt } from './prompts.ts'
import { runTexts, type TextJob } from './run-texts.ts'
import { samplingOf } from './sampling.ts'
import { fingerprintOf, usageOf } from './usage.ts'
import type { Work } from './work.ts'

export interface ChatTask {
  readonly request: ChatRequest
  readonly prompt: Prompt
  readonly n: number
}

interface ChatPiece {
  readonly index: number
  readonly text: string
  readonly finishReason: FinishReason | null
  readonly logprobs: ChatLogprobs | null
}

const wantsLogprobs = ({ logprobs, top_logprobs: top }: ChatRequest): boolean => logprobs === true || Boolean(top)

async function* chatPieces(work: Work, { request, prompt, n }: ChatTask): AsyncGenerator<ChatPiece, void> {
  const withLogprobs = wantsLogprobs(request)
  const maxTokens = request.max_completion_tokens ?? request.max_tokens ?? undefined
  const jobs: TextJob[] = Array.from({ length: n }, (_, choice) => ({
    prompt,
    isFirst: choice === 0,
    options: {
      ...samplingOf(request, choice),
      maxTokens,
      logprobs: withLogprobs,
      topLogprobs: withLogprobs ? (request.top_logprobs ?? 0) : 0,
    },
  }))
  if (maxTokens === 0) {
    work.counts.promptTokens = prompt.tokens.length
    for (const index of jobs.keys()) yield { index, text: '', finishReason: 'length', logprobs: null }
    return
  }
  for await (const { text: index, piece } of runTexts(work, jobs)) {
    const logprobs = withLogprobs ? chatLogprobs(piece, work.served) : null
    yield { index, text: piece.text, finishReason: piece.finishReason ?? null, logprobs }
  }
}

const envelope = (work: Work) => {
  const { id, created, served, tables } = work
  return { id, created, model: served.id, system_fingerprint: fingerprintOf(tables), tables }
}

/** The chunks of a streamed answer. */
export async function* chatChunks(work: Work, task: ChatTask): AsyncGenerator<ChatChunk, void> {
  const withUsage = task.request.stream_options?.include_usage === true
  const usage = withUsage ? { usage: null } : {}
  const object = 'chat.completion.chunk' as const
  const begun = new Set<number>()
  for await (const { index, text, finishReason, logprobs } of chatPieces(work, task)) {
    const isFirst = !begun.has(index)
    begun.add(index)
    if (!isFirst && text === '' && finishReason === null && logprobs === null) continue
    const delta = { ...(isFirst && { role: 'assistant' as const }), ...((isFirst || text !== '') && { content: text }) }
    yield { ...envelope(work), object, choices: [{ index, delta, finish_reason: finishReason, logprobs }], ...usage }
  }
  if (withUsage) yield { ...envelope(work), object, choices: [], usage: usageOf(work) }
}

/** The answer as a whole. */
export async function chatAnswer(work: Work, task: ChatTask): Promise<ChatResponse> {
  const answers = Array.from({ length: task.n }, () => ({
    text: '',
    finishReason: 'length' as FinishReason,
    logprobs: wantsLogprobs(task.request) ? ({ content: [], refusal: null } as ChatLogprobs) : null,
  }))
  for await (const { index, text, finishReason, logprobs } of chatPieces(work, task)) {
    const answer = answers[index]!
    answer.text += text
    answer.finishReason = finishReason ?? answer.finishReason
    answer.logprobs?.content.push(...(logprobs?.content ?? []))
  }
  return {
    ...envelope(work),
    object: 'chat.completion',
    choices: answers.map(({ text, finishReason, logprobs }, index) => ({
      index,
      message: { role: 'assistant', content: text, refusal: null },
      finish_reason: finishReason,
      logprobs,
    })),
    usage: usageOf(work),
  }
}
