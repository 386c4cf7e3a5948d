import { StemkitError } from '@stemkit/spec/errors'
import { containedShare } from '../../metrics/contained.ts'
import { essayText } from '../../needle/essay.ts'
import { gridRows, type NeedleFact } from '../../needle/grid-rows.ts'
import type { DatasetContext } from '../processors.ts'
import type { Row } from '../rows.ts'
import type { TaskSet } from '../task-registry.ts'

const ANSWER_TOKENS = 64

export interface NeedleGridOptions {
  /** Tokens of a question with its answer. Default 1024, 2048, 4096. */
  readonly lengths?: readonly number[]
  /** In percent of the text. Default 0, 10, ... 100. */
  readonly depths?: readonly number[]
  readonly fact?: NeedleFact
  /** Text of the haystack. Default: the essays that RULER's tasks take. */
  readonly essay?: string
}

/** Gregory Kamradt's needle (2023). */
const sandwich: NeedleFact = {
  needle: 'The best thing to do in San Francisco is eat a sandwich and sit in Dolores Park on a sunny day.',
  question: 'What is the best thing to do in San Francisco?',
  answers: ['eat a sandwich', 'Dolores Park'],
}

/**
 * The needle in a haystack as a task, `needle_grid`: one fact in a text of essays, at each depth of each length. The score is the share of
 * the fact's parts that the answer has; `needleMap` arranges the samples for a heat map. `lengths` and `depths` of the metadata have
 * precedence over the options.
 */
export function needleGridTasks(options: NeedleGridOptions = {}): TaskSet {
  return {
    definitions: [
      {
        task: 'needle_grid',
        tag: 'longcxt',
        custom_dataset: 'needle_grid',
        output_type: 'generate_until',
        test_split: 'test',
        doc_to_text: '{{input}}',
        doc_to_target: '{{outputs}}',
        process_results: 'needle_grid',
        metric_list: [{ metric: 'score', aggregation: 'mean', higher_is_better: true }],
        generation_kwargs: { do_sample: false, temperature: 0, max_gen_toks: ANSWER_TOKENS, until: ['\n'] },
        metadata: { version: 1 },
      },
    ],
    processors: {
      datasets: { needle_grid: (context) => rowsOf(options, context) },
      results: {
        needle_grid: (row, [answer]) => ({ score: containedShare(String(answer), row.outputs as readonly string[]) }),
      },
    },
  }
}

const tenths = Array.from({ length: 11 }, (_, i) => i * 10)

async function rowsOf(
  { lengths = [1024, 2048, 4096], depths = tenths, fact = sandwich, essay }: NeedleGridOptions,
  { metadata, countTokens, rows, signal }: DatasetContext,
): Promise<{ test: readonly Row[] }> {
  if (!countTokens) {
    throw new StemkitError(
      'unsupported',
      'needle_grid makes texts of a length in tokens, and the model does not count tokens',
    )
  }
  const made = await gridRows({
    fact,
    essay: await essayText(essay, rows, signal),
    lengths: numbers(metadata.lengths ?? lengths, 'lengths', 1, Infinity),
    depths: numbers(metadata.depths ?? depths, 'depths', 0, 100),
    answerTokens: ANSWER_TOKENS,
    countTokens,
    ...(signal && { signal }),
  })
  return { test: made as readonly unknown[] as readonly Row[] }
}

function numbers(values: unknown, name: string, least: number, most: number): readonly number[] {
  const list: readonly unknown[] = Array.isArray(values) ? values : [values]
  const isFit = (value: unknown) => typeof value === 'number' && value >= least && value <= most
  if (list.length > 0 && list.every(isFit)) return list as number[]
  const range = most === Infinity ? `from ${least} on` : `from ${least} to ${most}`
  throw new StemkitError('bad-input', `needle_grid: ${name} must be numbers ${range}, not ${JSON.stringify(values)}`)
}
