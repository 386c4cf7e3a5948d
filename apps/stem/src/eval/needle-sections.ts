import { needleMap, type EvalRun } from '@stemkit/eval'
import type { Section } from '@stemkit/report'
import { scoresOf, type ResultFile } from './task-scores.ts'

/** Where a model finds what is hidden in a text: by depth and length, and RULER's tasks by length. */
export function needleSections(run: EvalRun, file: ResultFile): Section[] {
  return [...grid(run), ...ruler(run, file)]
}

function grid(run: EvalRun): Section[] {
  const { lengths, depths, scores } = needleMap(run.samples['needle_grid'] ?? [])
  if (lengths.length === 0) return []
  return [
    {
      kind: 'chart',
      heading: 'Needle in a haystack',
      chart: {
        type: 'heatmap',
        title: 'Share of a fact that the model finds, by where it lies in a text and how long the text is.',
        x: { label: 'tokens of the text', values: lengths },
        y: { label: 'depth (%)', values: depths },
        values: scores.map((row) => row.map((score) => score ?? Number.NaN)),
        value: { label: 'share found', min: 0, max: 1 },
      },
    },
  ]
}

function ruler(run: EvalRun, file: ResultFile): Section[] {
  const rows = Object.keys(run.samples).flatMap((task) => {
    const scores = scoresOf(file, task)
    return scores.length > 0 && scores.every(({ metric }) => /^\d+$/.test(metric)) ? [{ task, scores }] : []
  })
  const lengths = [...new Set(rows.flatMap(({ scores }) => scores.map(({ metric }) => Number(metric))))].toSorted(
    (a, b) => a - b,
  )
  if (rows.length === 0) return []
  return [
    {
      kind: 'chart',
      heading: 'Needles by length',
      chart: {
        type: 'heatmap',
        title: 'Share of the hidden values that the model names, by task and tokens of the text.',
        x: { label: 'tokens of the text', values: lengths },
        y: { label: 'task', values: rows.map(({ task }) => task) },
        values: rows.map(({ scores }) =>
          lengths.map((length) => scores.find(({ metric }) => metric === String(length))?.value ?? Number.NaN),
        ),
        value: { label: 'share named', min: 0, max: 1 },
      },
    },
  ]
}
