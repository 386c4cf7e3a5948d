import type { MeasuredSample } from './length-buckets.ts'

/** What of a sample is measured: its prompt and its metrics. */
export interface PromptedSample {
  /** One list per request; the first text of the first is the prompt. */
  readonly arguments: readonly (readonly unknown[])[]
  readonly metrics: Readonly<Record<string, unknown>>
}

export interface MeasureOptions {
  readonly countTokens: (text: string) => number | Promise<number>
  readonly signal?: AbortSignal
}

/** Samples of a task with the tokens of their prompts, for `lengthBuckets`. Those without a number for the metric are left out. */
export async function measureSamples(
  task: string,
  samples: readonly PromptedSample[],
  metric: string,
  { countTokens, signal }: MeasureOptions,
): Promise<MeasuredSample[]> {
  const measured: MeasuredSample[] = []
  for (const {
    arguments: [first = []],
    metrics,
  } of samples) {
    signal?.throwIfAborted()
    const score = metrics[metric]
    if (typeof score === 'number') measured.push({ task, tokens: await countTokens(String(first[0])), score })
  }
  return measured
}
