import { join } from 'node:path'
import { loadModel } from '@stemkit/generate/node'
import { latestCheckpoint } from '@stemkit/train/node'
import { makeFolder, writeFileAtomically } from '@stemkit/weights/node'
import { resolveRunConfig } from '../config/load.ts'
import type { RunConfig } from '../config/schema.ts'
import { coloursFor } from '../terminal/colours.ts'
import { INVOCATION } from '../terminal/invocation.ts'
import { note } from '../terminal/progress.ts'
import { alignColumns } from '../terminal/table.ts'
import { writeReport } from '../training/report.ts'
import { runTraining, type RunResult } from '../training/run.ts'
import { summaryOf } from '../training/summary.ts'
import { readAddresses, type Address } from './addresses.ts'

export interface RecipeOptions {
  readonly runFolder: string
  readonly steps?: number | undefined
  /** The first seed. */
  readonly seed: number
  /** How many seeds both models are trained with. */
  readonly seeds: number
  readonly resume: boolean
  readonly json: boolean
  readonly signal: AbortSignal
}

/** Addresses held out: the last ones. */
const HELD_OUT = 12
const PROMPT = 'My fellow Americans, the state of our'

/** A STEM model and its dense twin on the State of the Union addresses, one document per address. */
export async function sotuRecipe(options: RecipeOptions): Promise<void> {
  const { runFolder, signal, seeds } = options
  const started = performance.now()
  const text = await writeAddresses(join(runFolder, 'text'))
  const results: RunResult[] = []
  const add = async (kind: Kind, seed: number): Promise<void> => {
    const label = seeds === 1 ? kind : `${kind}-${seed}`
    const folder = join(runFolder, label)
    results.push(
      await runTraining(configOf(kind, seed, text, options), {
        label,
        runFolder: folder,
        // A recipe that was stopped has not begun all of its models; without the first one there is nothing to resume.
        resume: options.resume && (results.length === 0 || (await isBegun(folder))),
        signal,
        ...(results[0] ? { prepared: sharedData(results[0], kind) } : {}),
      }),
    )
  }
  for (let seed = options.seed; seed < options.seed + seeds; seed++) {
    await add('stem', seed)
    await add('dense', seed)
  }
  const [stem] = results
  const sample = await sampleOf(stem!.modelFolder, signal)
  const report = await writeReport(join(runFolder, 'report.html'), 'State of the Union', results, signal)
  const seconds = (performance.now() - started) / 1000
  const models = results.map(summaryOf)
  process.stdout.write(
    options.json
      ? `${JSON.stringify({ recipe: 'sotu', seconds, models, sample, report })}\n`
      : comparison(results, sample, report),
  )
  note(`${Math.round(seconds)} s. next: ${INVOCATION} generate ${stem!.modelFolder} --prompt "..."`)
}

type Kind = 'stem' | 'dense'

const isBegun = async (folder: string): Promise<boolean> =>
  (await latestCheckpoint(join(folder, 'checkpoints'))) !== undefined

/** Text and tokens of an earlier run, for a model that differs from it in nothing but the feed-forward. */
function sharedData({ prepared }: RunResult, kind: Kind): RunResult['prepared'] {
  const feedForwards = prepared.model.feedForwards.map((_, layer) => (layer === 0 ? 'dense' : kind))
  return { ...prepared, model: { ...prepared.model, feedForwards } }
}

/** Writes the addresses as JSONL, by year; returns the files. */
async function writeAddresses(folder: string): Promise<{ train: string; heldOut: string }> {
  const addresses = readAddresses()
  const [train, heldOut] = [join(folder, 'train.jsonl'), join(folder, 'held-out.jsonl')]
  const lines = (list: readonly Address[]): string =>
    list.map(({ year, text }) => `${JSON.stringify({ year, text })}\n`).join('')
  await makeFolder(folder)
  await writeFileAtomically(train, lines(addresses.slice(0, -HELD_OUT)))
  await writeFileAtomically(heldOut, lines(addresses.slice(-HELD_OUT)))
  return { train, heldOut }
}

function configOf(
  kind: Kind,
  seed: number,
  text: { train: string; heldOut: string },
  { steps = 600 }: RecipeOptions,
): RunConfig {
  return resolveRunConfig(
    {
      seed,
      model: { dim: 128, layers: 4, heads: 4, ffnHidden: 384, maxLength: 128, kind, tableInit: 'embedding' },
      tokenizer: { vocabSize: 2048 },
      data: { train: text.train, heldOut: [text.heldOut] },
      training: { steps, batchSize: 16, learningRate: 1e-2, warmup: Math.min(100, Math.floor(steps / 4)), floor: 0.05 },
      evaluate: { every: 100, batches: 8 },
      checkpoint: { every: 200, keep: 1 },
    },
    [],
    'of the recipe sotu',
  )
}

async function sampleOf(folder: string, signal: AbortSignal): Promise<string> {
  const model = await loadModel(folder, { signal })
  try {
    let text = PROMPT
    for await (const piece of model.generate(PROMPT, { maxTokens: 60, temperature: 0.8, topK: 40, seed: 1, signal })) {
      text += piece.text
    }
    return text
  } finally {
    await model.dispose()
  }
}

function comparison(results: readonly RunResult[], sample: string, report: string): string {
  const colour = coloursFor(process.stdout)
  const rows = results.map((result) => {
    const { label, heldOut, flopsPerToken, tokens, tokensPerSecond, parameters } = summaryOf(result)
    return [
      label,
      heldOut.toFixed(3),
      (flopsPerToken / 1e6).toFixed(1),
      (parameters.active / 1e6).toFixed(1),
      (parameters.total / 1e6).toFixed(1),
      tokens.toLocaleString('en'),
      Math.round(tokensPerSecond).toLocaleString('en'),
    ]
  })
  const head = ['model', 'held-out loss', 'MFLOP/token', 'M active', 'M in all', 'tokens', 'tokens/s']
  const lines = alignColumns({ head, rows: [...rows, ['bigram', results[0]!.bigramLoss.toFixed(3)]] }, colour.bold)
  return [
    ...lines.slice(0, -1),
    `${lines.at(-1)}   (pairs counted on the same tokens)`,
    '',
    colour.bold('the STEM model goes on:'),
    sample,
    '',
    `report: ${report}`,
    '',
  ].join('\n')
}
