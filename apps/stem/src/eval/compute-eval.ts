import { returnOnCompute, type TrainedRun } from '@stemkit/eval'
import type { Report } from '@stemkit/report'
import { StemkitError } from '@stemkit/spec/errors'
import { show } from '../inspect/show.ts'
import type { TableText } from '../terminal/table.ts'
import { readRun, type ReadRun } from './read-run.ts'
import { chanceOf, mainScore } from './task-scores.ts'
import type { ComputeFlags } from './verbs.ts'

/** Prints what runs scored per operation of their training. */
export async function computeReturns(
  folders: readonly string[],
  { baseline = folders[0], html, json }: ComputeFlags,
): Promise<void> {
  const runs = []
  for (const folder of folders) runs.push(await readRun(folder))
  const tasks = commonTasks(runs)
  const trained = runs.map((run) => trainedRun(run, tasks))
  const plain = returnOnCompute(
    trained.map(({ name, accuracy, flops }) => ({ name, accuracy, flops })),
    baseline,
  )
  const above = returnOnCompute(trained, baseline)
  const rows = plain.map((run, i) => ({
    ...above[i]!,
    accuracyPerExaflop: run.perExaflop,
    accuracyRelative: run.relative,
  }))
  const data = { tasks, baseline, runs: rows }
  const table = tableOf(rows)
  await show(
    { data, tables: [table], report: () => reportOf(data, table) },
    { ...(html !== undefined && { html }), ...(json && { json }) },
  )
  if (!json) process.stdout.write(`\nmeans over ${tasks.join(', ')}\n`)
}

type Row = ReturnType<typeof returnOnCompute>[number] & {
  readonly accuracyPerExaflop: number
  readonly accuracyRelative: number | null
}

/** Tasks with an accuracy that all runs have. */
function commonTasks(runs: readonly ReadRun[]): string[] {
  const [first] = runs
  const tasks = Object.keys(first?.file.configs ?? {}).filter((task) => runs.every(({ file }) => mainScore(file, task)))
  if (tasks.length > 0) return tasks
  throw new StemkitError('bad-input', 'eval compute: the runs have no task in common that has an accuracy')
}

function trainedRun(
  { name, file, samples }: ReadRun,
  tasks: readonly string[],
): TrainedRun & { readonly chance: number } {
  const flops = file.config?.['training_flops']
  if (typeof flops !== 'number') {
    throw new StemkitError(
      'bad-input',
      `${name} does not say what the training of its model took; evaluate the model/ or a checkpoint of a folder that stem train has written`,
    )
  }
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length
  return {
    name,
    flops,
    accuracy: mean(tasks.map((task) => mainScore(file, task)?.value ?? 0)),
    // What is written freely is not guessed.
    chance: mean(tasks.map((task) => chanceOf(file, task, samples[task] ?? []) ?? 0)),
  }
}

const tableOf = (rows: readonly Row[]): TableText => ({
  head: [
    'run',
    'training FLOPs',
    'accuracy',
    'guessing',
    'per EFLOP',
    'relative',
    'above guessing per EFLOP',
    'relative',
  ],
  rows: rows.map(
    ({ name, flops, accuracy, chance = 0, perExaflop, relative, accuracyPerExaflop, accuracyRelative }) => [
      name,
      flops.toExponential(3),
      accuracy.toFixed(4),
      chance.toFixed(4),
      accuracyPerExaflop.toPrecision(4),
      ratio(accuracyRelative),
      perExaflop.toPrecision(4),
      ratio(relative),
    ],
  ),
})

const ratio = (value: number | null): string => (value === null ? '–' : `${value.toFixed(2)}×`)

const reportOf = (
  { tasks, runs }: { readonly tasks: readonly string[]; readonly runs: readonly Row[] },
  { head, rows }: TableText,
): Report => ({
  title: 'Return on compute',
  summary: `Mean accuracy over ${tasks.length === 1 ? 'one task' : `${tasks.length} tasks`} per floating-point operation of the training.`,
  sections: [
    {
      kind: 'chart',
      heading: 'Accuracy and compute',
      chart: {
        type: 'scatter',
        title: 'Mean accuracy of each run, and what its training took.',
        x: { label: 'FLOPs of the training', min: 0 },
        y: { label: 'accuracy', min: 0 },
        series: runs.map(({ name, flops, accuracy }) => ({ name, points: [[flops, accuracy]] as const })),
      },
    },
    { kind: 'table', heading: 'Accuracy', columns: head.slice(0, 4), rows: rows.map((row) => row.slice(0, 4)) },
    {
      kind: 'table',
      heading: 'Return',
      columns: [head[0]!, ...head.slice(4)],
      rows: rows.map(([name = '', ...row]) => [name, ...row.slice(3)]),
    },
    {
      kind: 'text',
      heading: 'How it is computed',
      text: `Tasks: ${tasks.join(', ')}, each by its main score. Return is accuracy per 10^18 operations, as in the STEM paper, and the same for what of the accuracy is above guessing. Operations are those of the steps that the run took, forwards and backwards; looking up a row of a table is none.`,
    },
  ],
})
