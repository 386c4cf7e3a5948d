import type { EvalModel, EvalRun, SampleRecord } from '@stemkit/eval'
import type { Report, Section } from '@stemkit/report'
import { duration } from './eval-progress.ts'
import { lengthSections } from './length-sections.ts'
import { needleSections } from './needle-sections.ts'
import { sampleEntry } from './sample-entry.ts'
import { chanceOf, mainScore, scoresOf, type ResultFile, type Score } from './task-scores.ts'
import { sampleFileName } from './write-run.ts'

interface Told {
  /** Of `results.json`. */
  readonly contents: Readonly<Record<string, unknown>>
  readonly model: Pick<EvalModel, 'countTokens'>
  readonly logSamples: boolean
  readonly signal: AbortSignal
}

/** Samples on the page, of all tasks together and of one. */
const SAMPLES = { all: 400, most: 24, least: 2 } as const
/** More bars than this say nothing. */
const BARS = 40

/** A run as a page: scores, needles, lengths, and samples to look at. */
export async function runReport(run: EvalRun, told: Told): Promise<Report> {
  const { contents } = told
  const file = contents as unknown as ResultFile
  const tasks = Object.keys(run.samples)
  const requests = tasks.reduce((sum, task) => sum + (run.samples[task]?.length ?? 0), 0)
  return {
    title: `Evaluation of ${String(contents['model_name'])}`,
    summary: summaryOf(contents, tasks.length),
    facts: [
      { label: tasks.length === 1 ? 'task' : 'tasks', value: tasks.length.toLocaleString('en') },
      { label: 'samples', value: requests.toLocaleString('en') },
      { label: 'took', value: duration(Number(contents['total_evaluation_time_seconds'])) },
    ],
    sections: [
      ...scoreChart(run, file),
      scoreTable(run, file),
      ...needleSections(run, file),
      ...(await lengthSections(run, file, told)),
      ...tasks.flatMap((task) => sampleSection(task, run.samples[task] ?? [], file, tasks.length, told.logSamples)),
      { kind: 'code', heading: 'The familiar table', code: [run.table, run.groupTable ?? ''].join('\n').trim() },
    ],
  }
}

function summaryOf(contents: Told['contents'], tasks: number): string {
  const config = contents['config'] as Readonly<Record<string, unknown>>
  const { limit, num_fewshot: shots, stand_in_data: standIns = [] } = config
  const parts = [
    `Scores of ${tasks === 1 ? 'one task' : `${tasks} tasks`}, computed as lm-evaluation-harness does`,
    ...(typeof limit === 'number'
      ? [limit < 1 ? `on ${100 * limit}% of the documents` : `on at most ${limit} documents each`]
      : []),
    ...(typeof shots === 'number' ? [`with ${shots} solved examples`] : []),
  ]
  const notes = (standIns as readonly string[]).map(
    (notice) => ` Not comparable with scores on the whole data: ${notice}.`,
  )
  return `${parts.join(', ')}. An error is one standard error.${notes.join('')}`
}

/** Groups that have a score, then tasks that are in none of them. */
function headlines(run: EvalRun, file: ResultFile): Score[] {
  const names = Object.keys(run.samples)
  const all = names.length <= BARS ? names : Object.keys(run.results.groups ?? {})
  return all.flatMap((name) => mainScore(file, name) ?? []).slice(0, BARS)
}

function scoreChart(run: EvalRun, file: ResultFile): Section[] {
  const scores = headlines(run, file)
  if (scores.length === 0) return []
  const chances = scores.map(({ task }) => chanceOf(file, task, run.samples[task] ?? []))
  const hasChance = chances.some((chance) => chance !== undefined)
  return [
    {
      kind: 'chart',
      heading: 'Scores',
      chart: {
        type: 'bar',
        horizontal: true,
        title: hasChance ? 'Main score of each task, and what guessing gives.' : 'Main score of each task.',
        x: { label: 'task', values: scores.map(({ task, metric }) => `${task} (${metric})`) },
        y: { label: 'score', min: 0, max: 1 },
        series: [
          { name: 'model', values: scores.map(({ value }) => value), colour: 0 },
          ...(hasChance
            ? [{ name: 'guessing', values: chances.map((chance) => chance ?? Number.NaN), colour: 7 }]
            : []),
        ],
      },
    },
  ]
}

function scoreTable(run: EvalRun, file: ResultFile): Section {
  const names = [...Object.keys(run.results.groups ?? {}), ...Object.keys(run.samples)]
  return {
    kind: 'table',
    heading: 'All scores',
    columns: ['task', 'metric', 'filter', 'shots', 'samples', 'score', 'error', 'guessing'],
    rows: names.flatMap((name) =>
      scoresOf(file, name).map(({ metric, filter, value, error, count }) => {
        const chance = /^acc(?:_norm)?$/.test(metric) ? chanceOf(file, name, run.samples[name] ?? []) : undefined
        return [
          name,
          metric,
          filter,
          String(run.results['n-shot'][name] ?? '–'),
          count.toLocaleString('en'),
          number(value),
          error === undefined ? '–' : `±${number(error)}`,
          chance === undefined ? '–' : number(chance),
        ]
      }),
    ),
  }
}

/** Perplexities of bad models are large. */
function number(value: number): string {
  if (Math.abs(value) < 1000) return value.toFixed(4)
  return Math.abs(value) < 1e10 ? value.toLocaleString('en', { maximumFractionDigits: 1 }) : value.toExponential(3)
}

function sampleSection(
  task: string,
  samples: readonly SampleRecord[],
  file: ResultFile,
  tasks: number,
  logSamples: boolean,
): Section[] {
  const metric = mainScore(file, task)?.metric
  const most = Math.min(SAMPLES.most, Math.max(SAMPLES.least, Math.floor(SAMPLES.all / tasks)))
  const shown = pick(samples, metric, most)
  const all = logSamples ? ` All are in ${sampleFileName(task)}.` : ''
  const note =
    shown.length < samples.length
      ? `${shown.length} of ${samples.length} samples: the first that are wrong and the first that are not.${all}`
      : `All ${samples.length} samples.`
  return [
    {
      kind: 'entries',
      heading: `Samples of ${task}`,
      note,
      entries: shown.map((sample) => sampleEntry(sample, metric)),
    },
  ]
}

/** As many wrong ones as others, where there are; in their order. */
function pick(samples: readonly SampleRecord[], metric: string | undefined, most: number): readonly SampleRecord[] {
  if (samples.length <= most) return samples
  const isWrong = (sample: SampleRecord): boolean => metric !== undefined && sample[metric] === 0
  const wrong = samples.filter(isWrong)
  const others = samples.filter((sample) => !isWrong(sample))
  const half = Math.floor(most / 2)
  const ofWrong = Math.min(wrong.length, Math.max(half, most - others.length))
  const chosen = new Set([...wrong.slice(0, ofWrong), ...others.slice(0, most - ofWrong)])
  return samples.filter((sample) => chosen.has(sample))
}
