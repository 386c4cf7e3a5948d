import type { Engine } from '@stemkit/compile'
import {
  angularSpread,
  effectiveRank,
  initialTables,
  upActivations,
  type LayerRank,
  type LayerSpread,
  type Tables,
} from '@stemkit/inspect'
import { StemkitError } from '@stemkit/spec/errors'
import { show } from './show.ts'
import { spreadReport, spreadTables } from './spread-report.ts'
import { encodeTexts, readTexts } from './texts.ts'
import { ALL_UP_TO, DRAWN, type SpreadFlags } from './verbs.ts'
import { withModel, type Context } from './with-model.ts'

/** Rows that are held against each other. */
export type SubjectName = 'tables' | 'initial' | 'dense mean' | 'dense occurrence'

export interface Subject {
  readonly name: SubjectName
  readonly spread: readonly LayerSpread[]
  readonly rank: readonly LayerRank[]
}

/** What the command prints. */
export interface SpreadFindings {
  readonly model: string
  readonly dense: string | undefined
  readonly layers: readonly number[]
  readonly width: number
  /** Rows that were looked at. */
  readonly rows: number
  /** All of the vocabulary, or the tokens of texts. */
  readonly of: 'vocabulary' | 'texts'
  /** Positions of the texts that the dense model was run over. */
  readonly positions: number | undefined
  readonly pairs: number | 'all'
  readonly seed: number
  readonly initialSeed: number
  readonly subjects: readonly Subject[]
}

export async function showSpread(folder: string, options: SpreadFlags): Promise<void> {
  await withModel(folder, options, async (context) => {
    const findings = await findSpread(folder, options, context)
    await show({ data: findings, tables: spreadTables(findings), report: () => spreadReport(findings) }, options)
  })
}

async function findSpread(folder: string, options: SpreadFlags, context: Context): Promise<SpreadFindings> {
  const { model, progress } = context
  const { seed, initialSeed, tableInit, dense } = options
  const tables = model.tables()
  const texts = dense !== undefined || options.text !== undefined ? await sequencesOf(options, context) : undefined
  const ids = texts ? Uint32Array.from(new Set(texts.flatMap((each) => Array.from(each)))).toSorted() : undefined
  const rows = ids?.length ?? tables.rows
  const pairs = options.pairs ?? (rows <= ALL_UP_TO ? 'all' : DRAWN)
  const engine = await context.openEngine()

  const compared: [SubjectName, Tables][] = [
    ['tables', tables],
    ['initial', initialTables(model, { seed: initialSeed, tableInit })],
  ]
  let positions: number | undefined
  if (dense !== undefined && texts) {
    const twin = await activationsOf(dense, tables, texts, engine, options, context)
    positions = twin.positions
    compared.push(['dense mean', twin.mean], ['dense occurrence', twin.single])
  }
  const subjects: Subject[] = []
  for (const [name, each] of compared) {
    const how = { engine, ids, signal: context.signal, budget: options.budget }
    const spread = await angularSpread(each, { ...how, pairs, seed, onProgress: progress(`angles, ${name}`) })
    subjects.push({ name, spread, rank: await effectiveRank(each, { ...how, onProgress: progress(`rank, ${name}`) }) })
  }
  const of = ids ? 'texts' : 'vocabulary'
  const { layers, width } = tables
  return { model: folder, dense, layers, width, rows, of, positions, pairs, seed, initialSeed, subjects }
}

async function sequencesOf({ text, maxTokens }: SpreadFlags, { model, signal }: Context): Promise<Uint32Array[]> {
  return encodeTexts(await model.tokenizer(), await readTexts(text, signal), maxTokens)
}

async function activationsOf(
  dense: string,
  tables: Tables,
  sequences: readonly Uint32Array[],
  engine: Engine,
  { seed }: SpreadFlags,
  { model, openModel, signal, progress }: Context,
) {
  const twin = await openModel(dense)
  const [own, other] = [await model.tokenizer(), await twin.tokenizer()]
  const differs =
    own.vocabSize !== other.vocabSize ||
    sequences.some((ids) => ids.some((id) => own.idToToken(id) !== other.idToToken(id)))
  if (differs) {
    throw new StemkitError('bad-input', `inspect: ${dense} has another tokenizer; compare models that share theirs`)
  }
  const { layers } = tables
  const onProgress = progress('dense model')
  return upActivations(await twin.readWeights(), { engine, sequences, layers, seed, signal, onProgress })
}
