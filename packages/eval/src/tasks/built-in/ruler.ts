import { StemkitError } from '@stemkit/spec/errors'
import { containedShare } from '../../metrics/contained.ts'
import { essayText, essayWords } from '../../needle/essay.ts'
import { generateNeedles, type NeedleRow } from '../../needle/generate.ts'
import type { NeedleKinds } from '../../needle/question.ts'
import { needleWords, type WordList } from '../../needle/words.ts'
import { pythonRandom } from '../../python/random.ts'
import { sum } from '../../python/sum.ts'
import type { DatasetContext, MetricValue } from '../processors.ts'
import type { Row } from '../rows.ts'
import type { GroupDefinition, TaskDefinition } from '../task-definition.ts'
import type { TaskSet } from '../task-registry.ts'

const kinds: Readonly<Record<string, NeedleKinds>> = {
  niah_single_1: { haystack: 'repeat', keys: 'words', values: 'numbers' },
  niah_single_2: { haystack: 'essay', keys: 'words', values: 'numbers' },
  niah_single_3: { haystack: 'essay', keys: 'words', values: 'uuids' },
  niah_multikey_1: { haystack: 'essay', keys: 'words', values: 'numbers', keyCount: 4 },
  niah_multikey_2: { haystack: 'needle', keys: 'words', values: 'numbers' },
  niah_multikey_3: { haystack: 'needle', keys: 'uuids', values: 'uuids' },
  niah_multiquery: { haystack: 'essay', keys: 'words', values: 'numbers', queryCount: 4 },
  niah_multivalue: { haystack: 'essay', keys: 'words', values: 'numbers', valueCount: 4 },
}

const USUAL_LENGTHS = [4096, 8192, 16384, 32768, 65536, 131072]
const DEFAULT_LENGTH = 4096
/** Marks a sample as not of a length. */
const OTHER_LENGTH = -1

export interface RulerOptions {
  /** Tokens of the texts, answer included. Default 4096 alone. */
  readonly lengths?: readonly number[]
  /** Questions of each length. Default 500. */
  readonly count?: number
  /** Default 0, as lm-evaluation-harness has it where one task is run alone. */
  readonly seed?: number
  /** Of the haystacks of essays. Default: the data set that lm-evaluation-harness takes. */
  readonly essay?: string
  /** Keys. Default `needleWords`. */
  readonly words?: WordList
}

/**
 * The needle tasks of RULER (Hsieh et al. 2024) as lm-evaluation-harness has them, and the group `ruler_niah` of all. The score of a
 * length has the length as its name. `max_seq_lengths` and `num_samples` of a task's metadata have precedence over the options.
 */
export function rulerTasks(options: RulerOptions = {}): TaskSet {
  const { lengths = [DEFAULT_LENGTH] } = options
  const metrics = [...new Set([...USUAL_LENGTHS, ...lengths])].toSorted((a, b) => a - b)
  const names = Object.keys(kinds)
  const group: GroupDefinition = {
    group: 'ruler_niah',
    task: names,
    aggregate_metric_list: lengths.map((length) => ({ metric: String(length), weight_by_size: false })),
    metadata: { version: 1 },
  }
  return {
    definitions: [...names.map((name) => definitionOf(name, metrics, lengths)), group],
    processors: {
      datasets: Object.fromEntries(
        Object.entries(kinds).map(([name, kind]) => [name, (context) => needleRows(name, kind, options, context)]),
      ),
      results: { ruler: (row, [answer]) => scores(row, String(answer)) },
      aggregations: { ruler: meanOfLength },
    },
  }
}

const definitionOf = (task: string, metrics: readonly number[], lengths: readonly number[]): TaskDefinition => ({
  task,
  tag: 'longcxt',
  dataset_path: '',
  dataset_name: '',
  custom_dataset: task,
  output_type: 'generate_until',
  test_split: 'test',
  doc_to_text: '{{input}}',
  doc_to_target: '{{outputs}}',
  gen_prefix: '{{gen_prefix}}',
  target_delimiter: ' ',
  process_results: 'ruler',
  metric_list: metrics.map((length) => ({ metric: String(length), aggregation: 'ruler', higher_is_better: true })),
  generation_kwargs: { do_sample: false, temperature: 0, max_gen_toks: 128, until: [] },
  repeats: 1,
  metadata: { version: 1, max_seq_lengths: [...lengths] },
})

async function needleRows(
  task: string,
  kind: NeedleKinds,
  { count = 500, seed = 0, essay, words = needleWords(), lengths = [DEFAULT_LENGTH] }: RulerOptions,
  { metadata, countTokens, rows, signal }: DatasetContext,
): Promise<{ test: readonly Row[] }> {
  if (!countTokens) {
    throw new StemkitError(
      'unsupported',
      `${task} makes texts of a length in tokens, and the model does not count tokens`,
    )
  }
  const { max_seq_lengths: given = lengths, num_samples: wanted = count } = metadata
  const text = kind.haystack === 'essay' ? await essayText(essay, rows, signal) : undefined
  const random = pythonRandom(seed)
  const made: NeedleRow[] = []
  for (const maxLength of positive(given, `${task}: max_seq_lengths`)) {
    const ofLength = await generateNeedles({
      ...kind,
      maxLength,
      count: positive([wanted], `${task}: num_samples`)[0] ?? 0,
      countTokens,
      random,
      words,
      ...(text !== undefined && { essay: essayWords(text) }),
      ...(signal && { signal }),
    })
    if (ofLength.length === 0) {
      throw new StemkitError('bad-input', `${task}: no question fits into ${maxLength} tokens; choose a greater length`)
    }
    made.push(...ofLength)
  }
  return { test: made as readonly unknown[] as readonly Row[] }
}

function positive(values: unknown, what: string): readonly number[] {
  const list: readonly unknown[] = Array.isArray(values) ? values : [values]
  if (list.length > 0 && list.every((value) => Number.isInteger(value) && Number(value) > 0)) return list as number[]
  throw new StemkitError('bad-input', `${what} must be positive integers, not ${JSON.stringify(values)}`)
}

function scores(row: Row, answer: string): Record<string, number> {
  const score = containedShare(answer, row.outputs as readonly string[])
  return { [String(DEFAULT_LENGTH)]: OTHER_LENGTH, [String(row.max_length)]: score }
}

/** The mean over samples of the length; where there are none, what marks them. */
function meanOfLength(values: readonly MetricValue[]): number {
  const known = (values as readonly number[]).filter((value) => value !== OTHER_LENGTH)
  return known.length === 0 ? OTHER_LENGTH : sum(known) / known.length
}
