import { join } from 'node:path'
import { latestCheckpoint } from '@stemkit/train/node'
import { writeFileAtomically } from '@stemkit/weights/node'
import { openEngine } from '../../engines.ts'
import { coloursFor } from '../../terminal/colours.ts'
import { Interrupted } from '../../terminal/exit.ts'
import { INVOCATION } from '../../terminal/invocation.ts'
import { note, statusLine } from '../../terminal/progress.ts'
import { alignColumns } from '../../terminal/table.ts'
import { runTraining, type RunResult } from '../../training/run.ts'
import { summaryOf } from '../../training/summary.ts'
import type { Country } from './countries.ts'
import { experiment, pairsOf, type Findings } from './measure/experiment.ts'
import { openSubject } from './measure/subject.ts'
import { configOf, DEFAULT_STEPS, PLACEMENTS, type PlacementName } from './models.ts'
import { factsReport } from './page.ts'
import { factsTables } from './tables.ts'
import { makeText, writeText, type FactsText } from './text.ts'

export interface FactsRecipeOptions {
  readonly runFolder: string
  /** Of each model. */
  readonly steps?: number | undefined
  /** Of weights, data and the sampling of pairs. */
  readonly seed: number
  /** Ordered pairs of countries that are edited. */
  readonly pairs: number
  /** STEM models to train, the dense one apart. */
  readonly placements: readonly PlacementName[]
  /** What the sentences are about. Default: all countries. */
  readonly countries?: readonly Country[] | undefined
  /** Threads. Default: one per core. */
  readonly threads?: number | undefined
  readonly resume: boolean
  readonly json: boolean
  readonly signal: AbortSignal
}

/** What the recipe found. */
export interface FactsFindings {
  readonly recipe: 'facts'
  /** Of all: text, training and measuring. */
  readonly seconds: number
  readonly seed: number
  readonly pairs: number
  readonly facts: number
  readonly models: readonly (ReturnType<typeof summaryOf> & Findings)[]
}

/** Where the findings are beside the report. */
export const FINDINGS_FILE = 'findings.json'

/** Trains STEM models and their dense twin on facts about countries, edits them, and measures what the edits do. */
export async function factsRecipe(options: FactsRecipeOptions): Promise<void> {
  const { runFolder, seed, placements, json, signal } = options
  const started = performance.now()
  const text = await makeText(seed, options.countries)
  const results = await trainModels(text, options)
  const measured = await measureModels(results, text, options)
  const findings: FactsFindings = {
    recipe: 'facts',
    seconds: (performance.now() - started) / 1000,
    seed,
    pairs: options.pairs,
    facts: text.facts.length,
    models: results.map((result, i) => ({ ...summaryOf(result), ...measured[i]! })),
  }
  const report = join(runFolder, 'report.html')
  await writeFileAtomically(join(runFolder, FINDINGS_FILE), `${JSON.stringify(findings)}\n`)
  // Loaded when it is needed: charts take longer to load than all the rest.
  const { renderReport } = await import('@stemkit/report')
  await writeFileAtomically(report, renderReport(factsReport(findings)))
  signal.throwIfAborted()
  if (json) process.stdout.write(`${JSON.stringify({ ...findings, report })}\n`)
  else process.stdout.write(`${textOf(findings)}\nreport: ${report}\n`)
  const model = join(runFolder, labelOf(placements[0]!), 'model')
  note(
    `${Math.round(findings.seconds)} s. next: ${INVOCATION} edit preview ${model} --source Spain --target Germany --spaces with --prompt "The capital of Spain is"`,
  )
}

const labelOf = (placement: PlacementName): string => (placement === 'full' ? 'stem' : `stem-${placement}`)

/** The STEM models, each in a folder of its own, and at the end the dense one; all on the same tokens. */
async function trainModels(text: FactsText, options: FactsRecipeOptions): Promise<RunResult[]> {
  const { runFolder, seed, steps = DEFAULT_STEPS, placements, threads, signal } = options
  const files = await writeText(join(runFolder, 'text'), text)
  const models = [
    ...placements.map((placement) => ({ label: labelOf(placement), stemLayers: PLACEMENTS[placement] })),
    { label: 'dense', stemLayers: [] },
  ]
  const results: RunResult[] = []
  for (const { label, stemLayers } of models) {
    const folder = join(runFolder, label)
    const [first] = results
    results.push(
      await runTraining(configOf({ stemLayers, seed, steps, text: files, threads }), {
        label,
        runFolder: folder,
        // A recipe that was stopped has not begun all of its models; without the first one there is nothing to resume.
        resume: options.resume && (!first || (await isBegun(folder))),
        signal,
        ...(first && { prepared: withStemLayers(first.prepared, stemLayers) }),
      }),
    )
  }
  return results
}

const isBegun = async (folder: string): Promise<boolean> =>
  (await latestCheckpoint(join(folder, 'checkpoints'))) !== undefined

/** Text and tokens of an earlier run, for a model that differs from it in nothing but the feed-forwards. */
function withStemLayers(prepared: RunResult['prepared'], stemLayers: readonly number[]): RunResult['prepared'] {
  const feedForwards = prepared.model.feedForwards.map((_, layer) => (stemLayers.includes(layer) ? 'stem' : 'dense'))
  return { ...prepared, model: { ...prepared.model, feedForwards } }
}

async function measureModels(
  results: readonly RunResult[],
  { facts }: FactsText,
  { seed, pairs: count, threads, signal }: FactsRecipeOptions,
): Promise<Findings[]> {
  const engine = await openEngine('compiled', threads)
  const status = statusLine()
  const findings: Findings[] = []
  try {
    for (const { label, modelFolder } of results) {
      const subject = await openSubject({ label, folder: modelFolder, facts, engine, signal })
      try {
        const pairs = pairsOf(facts, subject, count, seed)
        findings.push(await experiment(subject, pairs, { seed, signal, onProgress: status.show }))
      } finally {
        await subject.dispose()
      }
    }
    return findings
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error
    throw new Interrupted(
      'interrupted while measuring; the models are trained. The same command with --resume measures them',
    )
  } finally {
    status.clear()
  }
}

function textOf(findings: FactsFindings): string {
  const colour = coloursFor(process.stdout)
  return factsTables(findings)
    .map(({ heading, ...table }) => `${colour.bold(heading)}\n${alignColumns(table, colour.dim).join('\n')}\n`)
    .join('\n')
}
