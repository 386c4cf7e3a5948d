import { sampleOnDisk, type EvalModel, type EvalRun } from '@stemkit/eval'
import { writeFileAtomically } from '@stemkit/weights/node'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { runReport } from './run-report.ts'

export interface FinishedRun {
  readonly run: EvalRun
  /** Of `results.json`. */
  readonly contents: Readonly<Record<string, unknown>>
  readonly model: EvalModel
  readonly logSamples: boolean
  readonly signal: AbortSignal
}

/** Writes `results.json`, `samples_TASK.jsonl` and `report.html`; those of an earlier run in the folder are replaced. */
export async function writeRun(
  folder: string,
  { run, contents, model, logSamples, signal }: FinishedRun,
): Promise<{ readonly results: string; readonly report: string }> {
  // Samples of another run would look like those of these results.
  for (const name of await readdir(folder)) if (isSampleFile(name)) await rm(join(folder, name))
  if (logSamples) {
    for (const [task, records] of Object.entries(run.samples)) {
      const lines = records.map((record) => `${JSON.stringify(sampleOnDisk(record))}\n`)
      await writeFileAtomically(join(folder, sampleFileName(task)), lines.join(''))
    }
  }
  const results = join(folder, 'results.json')
  await writeFileAtomically(results, `${JSON.stringify(contents, null, 2)}\n`)
  // Loaded when it is needed: charts take longer to load than all the rest.
  const { renderReport } = await import('@stemkit/report')
  const report = join(folder, 'report.html')
  await writeFileAtomically(report, renderReport(await runReport(run, { contents, model, logSamples, signal })))
  return { results, report }
}

/** Names of tasks are the user's. */
export const sampleFileName = (task: string, suffix = ''): string =>
  `samples_${task.replaceAll(/["<>:/|\\?*[\]]+/g, '__')}${suffix}.jsonl`

/** Those with a date belong to results with that date, as lm-evaluation-harness writes them. */
const isSampleFile = (name: string): boolean =>
  /^samples_.*\.jsonl$/u.test(name) && !/_\d{4}-\d{2}-\d{2}T[\d.-]+\.jsonl$/u.test(name)
