import { StemkitError } from '@stemkit/spec/errors'
import type { MeasuredSample } from './length-buckets.ts'

/** What of a sample is measured, as a run has or logs it: its prompt and its metrics. */
export interface PromptedSample {
  /** One list per request, or as in a file, `gen_args_0: { arg_0: ... }`; the first text of the first is the prompt. */
  readonly arguments: unknown
  readonly [metric: string]: unknown
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
  for (const sample of samples) {
    signal?.throwIfAborted()
    const score = sample[metric]
    if (typeof score !== 'number') continue
    measured.push({ task, tokens: await countTokens(promptOf(task, sample)), score })
  }
  return measured
}

function promptOf(task: string, { arguments: given }: PromptedSample): string {
  const [first] = Object.values(Object(given) as object) as unknown[]
  const [prompt] = Object.values(Object(first) as object) as unknown[]
  if (typeof prompt === 'string') return prompt
  throw new StemkitError('bad-input', `${task}: a sample has no prompt among its arguments`)
}
