import { StemkitError } from '@stemkit/spec/errors'
import type { SampleRecord } from '../results/sample-record.ts'
import { pairedDifference, type PairedDifference, type PairedOptions } from './paired-difference.ts'

/** The logged samples of a run, by task. */
export interface ComparableRun {
  /** As messages call it. */
  readonly name: string
  readonly samples: Readonly<Record<string, readonly SampleRecord[]>>
}

export interface ComparedMetric extends PairedDifference {
  readonly task: string
  readonly metric: string
  readonly filter: string
}

export interface RunComparison {
  readonly metrics: readonly ComparedMetric[]
  /** Tasks that only one of the runs has. */
  readonly unmatched: readonly string[]
}

/**
 * Compares two runs task by task, metric by metric, document by document; differences are the second run's less the first's. Metrics
 * that are no number for each document (perplexities by word, say) are left out.
 * Throws where the runs have no task in common, and where what was asked differs: other documents, prompts or targets.
 */
export function compareRuns(first: ComparableRun, second: ComparableRun, options: PairedOptions = {}): RunComparison {
  const names = new Set([...Object.keys(first.samples), ...Object.keys(second.samples)])
  const common = [...names].filter((task) => first.samples[task] && second.samples[task])
  if (common.length === 0) {
    throw new StemkitError('bad-input', `${first.name} and ${second.name} have no task in common`)
  }
  return {
    metrics: common.flatMap((task) => compareTask(task, first, second, options)),
    unmatched: [...names].filter((task) => !common.includes(task)),
  }
}

function compareTask(
  task: string,
  first: ComparableRun,
  second: ComparableRun,
  options: PairedOptions,
): ComparedMetric[] {
  const pairs = pairSamples(task, first, second)
  const filters = new Set(pairs.map(([{ filter }]) => filter))
  return [...filters].flatMap((filter) => {
    const filtered = pairs.filter(([sample]) => sample.filter === filter)
    const metrics = new Set(filtered.flatMap(([{ metrics: names }]) => names))
    return [...metrics].flatMap((metric) => {
      const recorded = filtered.filter((pair) => pair.every((sample) => isRecorded(metric, sample[metric])))
      const scores = (side: 0 | 1) => recorded.map((pair) => pair[side][metric])
      const [ours, theirs] = [scores(0), scores(1)]
      if (recorded.length === 0 || !isNumbers(ours) || !isNumbers(theirs)) return []
      return [{ task, metric, filter, ...pairedDifference(ours, theirs, options) }]
    })
  })
}

/** Whether a sample has the metric. RULER names metrics by lengths, and marks samples of another length by -1. */
const isRecorded = (metric: string, value: unknown) => value !== undefined && !(value === -1 && /^\d+$/.test(metric))

const isNumbers = (values: readonly unknown[]): values is readonly number[] =>
  values.every((value) => typeof value === 'number' && Number.isFinite(value))

/** What was asked of both, by document and filter, in the order of the first run. */
function pairSamples(
  task: string,
  first: ComparableRun,
  second: ComparableRun,
): (readonly [SampleRecord, SampleRecord])[] {
  const [ours, theirs] = [byDocument(first.samples[task]), byDocument(second.samples[task])]
  const alone = [...ours.keys()].find((key) => !theirs.has(key)) ?? [...theirs.keys()].find((key) => !ours.has(key))
  if (alone !== undefined) {
    const { doc_id: document, filter } = (ours.get(alone) ?? theirs.get(alone)) as SampleRecord
    throw new StemkitError(
      'bad-input',
      `${task}: document ${document} (filter ${filter}) is in one of ${first.name} and ${second.name} only; evaluate both on the same documents`,
    )
  }
  return [...ours].map(([key, sample]) => {
    const other = theirs.get(key) as SampleRecord
    const differs = (['doc_hash', 'prompt_hash', 'target_hash'] as const).find((hash) => sample[hash] !== other[hash])
    if (differs === undefined) return [sample, other]
    throw new StemkitError(
      'bad-input',
      `${task}: document ${sample.doc_id} is not the same in ${first.name} and ${second.name} (${differs} differs); ${advice[differs]}`,
    )
  })
}

const advice = {
  doc_hash: 'evaluate both on the same data',
  prompt_hash: 'evaluate both with the same shots, seed, instructions and chat template',
  target_hash: 'evaluate both with the same version of the task',
}

const byDocument = (samples: readonly SampleRecord[] = []) =>
  new Map(samples.map((sample) => [`${sample.doc_id} ${sample.filter}`, sample]))
