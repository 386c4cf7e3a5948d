import { chanceAccuracy, type ResultEntry, type SampleRecord } from '@stemkit/eval'

/** What `results.json` says, as far as it is read again. */
export interface ResultFile {
  readonly results: Readonly<Record<string, ResultEntry>>
  readonly configs: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  readonly higher_is_better: Readonly<Record<string, Readonly<Record<string, boolean | null>>>>
}

export interface Score {
  readonly task: string
  readonly metric: string
  readonly filter: string
  readonly value: number
  /** Undefined where there is none. */
  readonly error: number | undefined
  readonly count: number
}

/** Marks a length of RULER that was not asked about. */
const NOT_MEASURED = -1

/** Every score of a task or group, in the order of the results. */
export function scoresOf(file: ResultFile, task: string): Score[] {
  const entry = file.results[task]
  return Object.entries(entry ?? {}).flatMap(([key, value]) => {
    const comma = key.indexOf(',')
    const [metric, filter] = [key.slice(0, comma), key.slice(comma + 1)]
    if (comma < 0 || metric.endsWith('_stderr') || typeof value !== 'number') return []
    if (value === NOT_MEASURED && /^\d+$/.test(metric)) return []
    const error = entry?.[`${metric}_stderr,${filter}`]
    const counts = entry?.['sample_count'] as Readonly<Record<string, number>> | undefined
    const count = counts?.[key] ?? entry?.sample_len ?? 0
    return [{ task, metric, filter, value, error: typeof error === 'number' ? error : undefined, count }]
  })
}

/** The score that stands for a task: its first that is a share, of which more is better. Perplexities have none. */
export function mainScore(file: ResultFile, task: string): Score | undefined {
  const better = file.higher_is_better[task] ?? {}
  return scoresOf(file, task).find(({ metric, value }) => better[metric] === true && value >= 0 && value <= 1)
}

/** Accuracy of guessing, of tasks whose documents have choices. */
export function chanceOf(file: ResultFile, task: string, samples: readonly SampleRecord[]): number | undefined {
  const config = file.configs[task]
  if (config?.['output_type'] !== 'multiple_choice' || samples.length === 0) return undefined
  // For mutual information each choice is asked twice, the second time by itself.
  const metrics = (config['metric_list'] ?? []) as readonly { readonly metric?: unknown }[]
  const times = metrics.some(({ metric }) => metric === 'acc_mutual_info') ? 2 : 1
  return chanceAccuracy(samples.map((sample) => Object.keys(sample.arguments as object).length / times))
}
