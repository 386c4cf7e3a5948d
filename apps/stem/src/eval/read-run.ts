import { readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { SampleRecord } from '@stemkit/eval'
import { StemkitError } from '@stemkit/spec/errors'
import type { ResultFile } from './task-scores.ts'
import { sampleFileName } from './write-run.ts'

/** A run, as it was written. */
export interface ReadRun {
  /** As it was asked for. */
  readonly name: string
  readonly file: ResultFile & { readonly config?: Readonly<Record<string, unknown>>; readonly model_name?: string }
  readonly samples: Readonly<Record<string, readonly SampleRecord[]>>
}

/**
 * Reads the folder of a run: `results.json` and its samples, or as lm-evaluation-harness writes them, the newest
 * `results_DATE.json` and `samples_TASK_DATE.jsonl`.
 * @throws not-found where there is no run, or one without samples; corrupt for files that are no such thing
 */
export async function readRun(folder: string): Promise<ReadRun> {
  const { place, results } = await findResults(folder)
  const path = join(place, results)
  const file = parse(await readFile(path, 'utf8'), path) as ReadRun['file']
  if (typeof file.results !== 'object' || typeof file.configs !== 'object') {
    throw new StemkitError('corrupt', `${path} is no result file: it has no results and configs`)
  }
  const suffix = results.slice('results'.length, -'.json'.length)
  const samples: Record<string, readonly SampleRecord[]> = {}
  for (const task of Object.keys(file.configs)) {
    samples[task] = await readSamples(join(place, sampleFileName(task, suffix)))
  }
  return { name: folder, file: { ...file, higher_is_better: file.higher_is_better ?? {} }, samples }
}

const NEWEST = /^results_.*\.json$/

/** In the folder, or in one below it, as the harness has one for each model. */
async function findResults(folder: string): Promise<{ readonly place: string; readonly results: string }> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((cause: Error) => {
    throw new StemkitError('not-found', `the run ${folder} cannot be read: ${cause.message}`, { cause })
  })
  const names = entries.map(({ name }) => name)
  const found = names.includes('results.json')
    ? 'results.json'
    : names
        .filter((name) => NEWEST.test(name))
        .toSorted()
        .at(-1)
  if (found !== undefined) return { place: folder, results: found }
  const below: { place: string; results: string }[] = []
  for (const entry of entries.filter((each) => each.isDirectory())) {
    const place = join(folder, entry.name)
    const results = (await readdir(place))
      .filter((name) => NEWEST.test(name))
      .toSorted()
      .at(-1)
    if (results !== undefined) below.push({ place, results })
  }
  if (below.length === 1) return below[0]!
  const several = below.map(({ place }) => basename(place)).join(', ')
  throw new StemkitError(
    'not-found',
    below.length === 0
      ? `${folder} has no results.json: it is no folder that stem eval has written`
      : `${folder} has runs of several models (${several}); name the folder of one`,
  )
}

async function readSamples(path: string): Promise<SampleRecord[]> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (cause) {
    throw new StemkitError('not-found', `${path} is not there: evaluate again, and let samples be logged`, { cause })
  }
  return text
    .split('\n')
    .map((line, i) => ({ line, where: `${path}, line ${i + 1}` }))
    .filter(({ line }) => line.trim() !== '')
    .map(({ line, where }) => parse(line, where) as SampleRecord)
}

function parse(text: string, where: string): unknown {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null) return value
  } catch (cause) {
    throw new StemkitError('corrupt', `${where} is no JSON: ${(cause as Error).message}`, { cause })
  }
  throw new StemkitError('corrupt', `${where} is no object`)
}
