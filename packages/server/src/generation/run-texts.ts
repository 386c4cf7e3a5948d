import type { GenerateOptions, Piece } from '@stemkit/generate'
import { merge } from './merge.ts'
import type { Prompt } from './prompts.ts'
import type { Work } from './work.ts'

export interface TextJob {
  readonly prompt: Prompt
  readonly options: GenerateOptions
  /** Whether it is the first text for its prompt: then the prompt counts. */
  readonly isFirst: boolean
}

export interface TextPiece {
  /** Index of the job. */
  readonly text: number
  readonly piece: Piece
}

/** Tokens of all jobs as they come, counted and timed. */
export async function* runTexts(work: Work, jobs: readonly TextJob[]): AsyncGenerator<TextPiece, void> {
  const { served, rows, signal, observers, counts, startedAt } = work
  const generations = jobs.map(({ prompt, options }) =>
    served.model.generate(prompt.tokens, { ...options, ...rows, signal }),
  )
  for (const { isFirst, prompt } of jobs) if (isFirst) counts.promptTokens += prompt.tokens.length
  const lastAt = new Float64Array(jobs.length)
  for await (const { source, value } of merge(generations)) {
    const now = performance.now()
    if (lastAt[source] === 0) {
      work.tables = generations[source]!.tables ?? null
      for (const observer of observers) observer.onFirstToken?.(served.id, (now - startedAt) / 1000)
      if (jobs[source]!.isFirst) counts.cachedTokens += generations[source]!.usage.cachedTokens
    } else {
      for (const observer of observers) observer.onNextToken?.(served.id, (now - lastAt[source]!) / 1000)
    }
    lastAt[source] = now
    counts.completionTokens++
    yield { text: source, piece: value }
  }
}
