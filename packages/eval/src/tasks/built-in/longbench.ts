import { StemkitError } from '@stemkit/spec/errors'
import type { Segmenter } from '../../metrics/question-answering.ts'
import { strip } from '../../python/text.ts'
import type { FilteredAnswer, Processors } from '../processors.ts'
import type { Row } from '../rows.ts'
import type { GroupDefinition, TaskDefinition } from '../task-definition.ts'
import type { TaskSet } from '../task-registry.ts'
import { longbenchMetrics, type LongbenchMetric, type MetricName } from './longbench-metrics.ts'
import data from './longbench-prompts.json' with { type: 'json' }

type Dataset = keyof typeof data.prompts

const metrics: Readonly<Record<Dataset, MetricName>> = {
  narrativeqa: 'qa_f1_score',
  qasper: 'qa_f1_score',
  multifieldqa_en: 'qa_f1_score',
  multifieldqa_zh: 'qa_f1_zh_score',
  hotpotqa: 'qa_f1_score',
  '2wikimqa': 'qa_f1_score',
  musique: 'qa_f1_score',
  dureader: 'rouge_zh_score',
  gov_report: 'rouge_score',
  qmsum: 'rouge_score',
  multi_news: 'rouge_score',
  vcsum: 'rouge_zh_score',
  trec: 'classification_score',
  triviaqa: 'qa_f1_score',
  samsum: 'rouge_score',
  lsht: 'classification_score',
  passage_count: 'count_score',
  passage_retrieval_en: 'retrieval_score',
  passage_retrieval_zh: 'retrieval_zh_score',
  lcc: 'code_sim_score',
  'repobench-p': 'code_sim_score',
}

/** Their answers are one line. */
const oneLine: readonly Dataset[] = ['trec', 'triviaqa', 'samsum', 'lsht']

interface DatasetGroup {
  /** What tables call it. */
  readonly alias: string
  readonly members: readonly Dataset[]
}

const groups: Readonly<Record<string, DatasetGroup>> = {
  code: { alias: 'Code Completion', members: ['lcc', 'repobench-p'] },
  fewshot: { alias: 'Few-shot Learning', members: ['trec', 'triviaqa', 'samsum', 'lsht'] },
  multi: { alias: 'Multi-Document QA', members: ['hotpotqa', '2wikimqa', 'musique', 'dureader'] },
  single: { alias: 'Single-Document QA', members: ['narrativeqa', 'qasper', 'multifieldqa_en', 'multifieldqa_zh'] },
  summarization: { alias: 'Summarization', members: ['gov_report', 'qmsum', 'multi_news', 'vcsum'] },
  synthetic: {
    alias: 'Synthetic Tasks',
    members: ['passage_count', 'passage_retrieval_en', 'passage_retrieval_zh'],
  },
}

/** Not of the whole, as the harness does not have it. */
const multihop: DatasetGroup = { alias: 'Multi-Hop QA', members: ['hotpotqa', '2wikimqa', 'musique'] }

/** How a task is asked and scored. */
interface Mode {
  readonly prefix: string
  readonly fields: (dataset: Dataset) => Partial<TaskDefinition> & { readonly metadata: { readonly version: number } }
  /** What of an answer is scored. */
  readonly answer: (dataset: Dataset, answer: string) => string
  /** Lines of code that are skipped without being looked at. */
  readonly skipsBlankLines: boolean
}

/** As lm-evaluation-harness has them: prompts end without white space, one-line answers stop at a line end. */
const harness: Mode = {
  prefix: 'longbench',
  fields: (dataset) => ({
    doc_to_text: harnessPrompt(dataset),
    ...(['trec', 'triviaqa', 'samsum'].includes(dataset) && { target_delimiter: '' }),
    generation_kwargs: generation(dataset, oneLine.includes(dataset) ? ['\n'] : []),
    metadata: { version: metrics[dataset] === 'code_sim_score' ? 6 : 5 },
  }),
  answer: (dataset, answer) => (metrics[dataset] === 'code_sim_score' ? answer : strip(answer)),
  skipsBlankLines: true,
}

/**
 * As LongBench itself has them: its own prompts to the last character, and the first line of one-line answers after leading line ends.
 * Prompts that are too long are to be cut in the middle, which is an option of the model (`truncation: { side: 'middle' }`).
 */
const official: Mode = {
  prefix: 'longbench_official',
  fields: (dataset) => ({
    doc_to_text: data.prompts[dataset].prompt,
    target_delimiter: '',
    generation_kwargs: generation(dataset, []),
    metadata: { version: 1 },
  }),
  answer: (dataset, answer) => (oneLine.includes(dataset) ? (answer.replace(/^\n+/, '').split('\n')[0] ?? '') : answer),
  skipsBlankLines: false,
}

function harnessPrompt(dataset: Dataset): string {
  const prompt = data.prompts[dataset].prompt.trimEnd()
  return ['triviaqa', 'samsum'].includes(dataset) ? prompt.replace('\n\n{{question}}', '\n{{question}}') : prompt
}

const generation = (dataset: Dataset, until: string[]) => ({
  max_gen_toks: data.prompts[dataset].maxTokens,
  temperature: 1,
  do_sample: false,
  until,
})

export interface LongbenchOptions {
  /** Cuts Chinese into words as jieba does; three tasks need it. */
  readonly segment?: Segmenter
}

/**
 * LongBench: 21 tasks in 6 groups and the whole, whose score is the plain mean over tasks; `longbench_multihop` (hotpotqa, 2wikimqa
 * and musique) stands beside it. Each task is there twice, as lm-evaluation-harness asks it (`longbench_*`) and as LongBench does (`longbench_official_*`).
 * Without `segment`, multifieldqa_zh, dureader and vcsum are left out, of the groups as well.
 */
export function longbenchTasks({ segment }: LongbenchOptions = {}): TaskSet {
  const needed = new Set<MetricName>(segment ? [] : ['qa_f1_zh_score', 'rouge_zh_score'])
  const datasets = (Object.keys(metrics) as Dataset[]).filter((dataset) => !needed.has(metrics[dataset]))
  const score = longbenchMetrics(segment)
  return {
    definitions: [harness, official].flatMap((mode) => [
      ...datasets.map((dataset) => taskOf(mode, dataset)),
      ...groupsOf(mode, datasets),
    ]),
    processors: {
      results: Object.assign({}, ...[harness, official].map((mode) => resultsOf(mode, datasets, score))) as Results,
    },
  }
}

type Results = NonNullable<Processors['results']>

const taskOf = (mode: Mode, dataset: Dataset): TaskDefinition => ({
  task: `${mode.prefix}_${dataset}`,
  tag: [`${mode.prefix}_${groupWith(dataset)}_tasks`, `${mode.prefix}_tasks`],
  dataset_path: 'Xnhyacinth/LongBench',
  dataset_name: dataset,
  test_split: 'test',
  doc_to_target: '{{answers}}',
  process_results: `${mode.prefix}_${dataset}`,
  metric_list: ['score', metrics[dataset]].map((metric) => ({ metric, aggregation: 'mean', higher_is_better: true })),
  ...mode.fields(dataset),
})

const groupWith = (dataset: Dataset) => Object.entries(groups).find(([, { members }]) => members.includes(dataset))?.[0]

function groupsOf({ prefix }: Mode, datasets: readonly Dataset[]): GroupDefinition[] {
  const whole = Object.keys(groups).map((group) => `${prefix}_${group}`)
  const parts = Object.entries({ ...groups, multihop }).map(([group, { alias, members }]) => {
    const there = members.filter((dataset) => datasets.includes(dataset))
    return {
      ...groupOf(
        `${prefix}_${group}`,
        there.map((dataset) => `${prefix}_${dataset}`),
      ),
      group_alias: alias,
    }
  })
  return [groupOf(prefix, whole), ...parts]
}

const groupOf = (group: string, task: string[]): GroupDefinition => ({
  group,
  task,
  aggregate_metric_list: [{ metric: 'score', weight_by_size: false }],
  metadata: { version: '0.0' },
})

function resultsOf(
  mode: Mode,
  datasets: readonly Dataset[],
  score: Readonly<Record<MetricName, LongbenchMetric>>,
): Results {
  const process =
    (dataset: Dataset) =>
    (row: Row, [given]: readonly FilteredAnswer[]) => {
      const prediction = mode.answer(dataset, String(given))
      const metric = metrics[dataset]
      const scores = answersOf(row).map((answer) =>
        score[metric](prediction, answer, { row, skipsBlankLines: mode.skipsBlankLines }),
      )
      const best = Math.max(0, ...scores)
      return { score: best, [metric]: best }
    }
  return Object.fromEntries(datasets.map((dataset) => [`${mode.prefix}_${dataset}`, process(dataset)]))
}

function answersOf({ answers }: Row): readonly string[] {
  if (Array.isArray(answers)) return answers.map(String)
  throw new StemkitError(
    'bad-input',
    'a row of LongBench has no list of answers; it needs the columns context, question and answers',
  )
}
