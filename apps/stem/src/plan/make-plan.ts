import {
  compareCosts,
  countBytes,
  countFlops,
  countParameters,
  countTrainingBytes,
  NUMBER_DTYPES,
  tokenExperts,
  type ByteCounts,
  type CostComparison,
  type FlopCounts,
  type ModelConfig,
  type NumberDtype,
  type ParameterCounts,
  type TrainingBytes,
} from '@stemkit/model'
import {
  batchProbabilities,
  cacheBudget,
  cacheSlots,
  expectedRows,
  measureRowUse,
  replayCache,
  tokenProbabilities,
  type RowUse,
} from '@stemkit/store'
import { rowStateOf } from '@stemkit/train'
import { drawSteps, PLAN_SEED } from './steps.ts'
import type { Subject } from './subject.ts'

/** Sequences of a batch that steps are planned for. */
const BATCHES = [1, 2, 4, 8, 16, 32, 64, 128, 256]

/** Shares of the table that caches are planned for where no budget is given. */
const CACHE_SHARES = [1 / 16, 1 / 8, 1 / 4, 1 / 2]

/** What a model needs, as `--json` prints it. Everything is counted from the config and the text; nothing is allocated. */
export interface Plan {
  readonly model: ModelConfig
  readonly batch: number
  readonly length: number
  readonly parameters: ParameterCounts
  readonly bytes: Readonly<Record<NumberDtype, ByteCounts>>
  /** Tables have gradients of the rows of a step of `batch` sequences, of all rows where no text tells how many those are. */
  readonly training: TrainingBytes
  readonly flopsPerToken: FlopCounts
  /** Absent for a model without tables, or where no tokenizer is known. */
  readonly rows?: RowsPlan
  /** Absent for a model of a single layer. */
  readonly costs?: CostComparison
  /** Absent where there are no costs, or no text. */
  readonly decodingLoads?: readonly DecodingLoad[]
}

/** Parameters that a step of decoding reads in the layers that `costs` compares, for `batch` sequences. */
export interface DecodingLoad {
  readonly batch: number
  /** Different experts of a layer, on average. */
  readonly experts: number
  readonly dense: number
  readonly hash_moe: number
  readonly stem: number
}

export interface RowsPlan {
  readonly text: { readonly name: string; readonly tokens: number; readonly distinct: number }
  /** Bytes of a token's rows while training: values and the state of their optimiser. */
  readonly trainedRowBytes: number
  readonly training: readonly TrainingStep[]
  readonly decoding: readonly DecodingStep[]
  readonly cache: readonly CachePlan[]
}

export interface TrainingStep {
  readonly batch: number
  readonly tokens: number
  /** Different rows of a step, on average. */
  readonly rows: number
  /** Values that the step gathers, in float32. */
  readonly gathered: number
  /** Read and written back: values and state. */
  readonly moved: number
  readonly movedPerToken: number
}

/** A step of decoding one token for each of `batch` sequences. */
export interface DecodingStep {
  readonly batch: number
  readonly rows: number
  /** Bytes of these rows. */
  readonly bytes: Readonly<Record<NumberDtype, number>>
}

/** Shares of a training step's rows that a cache holds already. */
export interface CachePlan {
  readonly budget: number
  /** Rows that fit, beside the cache's bookkeeping and buffers. */
  readonly slots: number
  /** Of the table, its optimiser state included. */
  readonly share: number
  /** Undefined where the rows of a step do not fit at once. W-TinyLFU is the default policy. */
  readonly hitRate?: { readonly lru: number; readonly wTinyLfu: number }
  /** Bytes read from the medium per step by the default policy; as many are written back. */
  readonly missedBytes?: number
}

export interface PlanOptions {
  readonly signal?: AbortSignal
  readonly onProgress?: (text: string) => void
}

/** @throws StemkitError for shapes and batches that cannot be */
export async function makePlan(subject: Subject, options: PlanOptions = {}): Promise<Plan> {
  const { model, custom, batch, length } = subject
  const parameters = countParameters(model, custom)
  const use = subject.text && rowUseOf(subject)
  const rows = use && parameters.table > 0 ? await planRows(subject, use, options) : undefined
  const costs = model.layers > 1 ? compareCosts(model, { length }) : undefined
  const own = rows?.training.find((step) => step.batch === batch)
  return {
    model,
    batch,
    length,
    parameters,
    bytes: Object.fromEntries(NUMBER_DTYPES.map((dtype) => [dtype, countBytes(model, dtype, custom)])) as Plan['bytes'],
    training: trainingBytes(subject, own?.rows ?? model.vocabSize),
    flopsPerToken: countFlops(model, { length, custom }),
    ...(rows ? { rows } : {}),
    ...(costs ? { costs } : {}),
    ...(costs && use ? { decodingLoads: batchesWith(batch).map((size) => loadOf(model, costs, use, size)) } : {}),
  }
}

const trainingBytes = ({ model, custom, rowOptimizer }: Subject, rows: number): TrainingBytes =>
  countTrainingBytes(model, { rows, tableState: rowStateOf(rowOptimizer), custom })

const rowUseOf = ({ model, text, length }: Subject): RowUse =>
  measureRowUse(text!.packed.tokens, { rows: model.vocabSize, length })

async function planRows(subject: Subject, use: RowUse, options: PlanOptions): Promise<RowsPlan> {
  const { model, custom, batch, budget, text } = subject
  const values = countBytes(model, 'f32', custom).tokenRows
  const trainedRowBytes = values + trainingBytes(subject, 1).optimizer.tables / use.rows
  // The batch that was asked for is refused if there is too little text; the others are left out.
  batchProbabilities(use, batch)
  const batches = batchesWith(batch)
  const table = use.rows * trainedRowBytes
  const budgets = budget === undefined ? CACHE_SHARES.map((share) => Math.floor(share * table)) : [budget]
  const steps = drawSteps(subject, { seed: PLAN_SEED })
  const cache: CachePlan[] = []
  for (const bytes of budgets) cache.push(await planCache(steps, bytes, { rows: use.rows, trainedRowBytes }, options))
  return {
    text: {
      name: text!.name,
      tokens: use.sequences * use.length,
      distinct: use.counts.reduce((sum, count) => sum + Math.min(count, 1), 0),
    },
    trainedRowBytes,
    training: batches
      .filter((size) => size <= use.sequences)
      .map((size) => {
        const rows = expectedRows(batchProbabilities(use, size))
        const tokens = size * use.length
        const moved = 2 * rows * trainedRowBytes
        return { batch: size, tokens, rows, gathered: rows * values, moved, movedPerToken: moved / tokens }
      }),
    decoding: batches.map((size) => {
      const rows = expectedRows(tokenProbabilities(use, size))
      const bytes = NUMBER_DTYPES.map((dtype) => [dtype, rows * countBytes(model, dtype, custom).tokenRows])
      return { batch: size, rows, bytes: Object.fromEntries(bytes) as DecodingStep['bytes'] }
    }),
    cache,
  }
}

const batchesWith = (batch: number): number[] => [...new Set([...BATCHES, batch])].toSorted((a, b) => a - b)

/** A dense layer is read once, whatever the batch; of a mixture the experts, of tables the rows that its tokens need. */
function loadOf(
  model: ModelConfig,
  { layers, experts, kinds }: CostComparison,
  use: RowUse,
  batch: number,
): DecodingLoad {
  const expertOf = tokenExperts(
    { ...model, experts },
    Int32Array.from({ length: use.rows }, (_, id) => id),
  )
  const counts = new Uint32Array(experts)
  use.counts.forEach((count, id) => (counts[expertOf[id]!]! += count))
  const distinct = {
    dense: 1,
    hash_moe: expectedRows(tokenProbabilities({ ...use, rows: experts, counts }, batch)),
    stem: expectedRows(tokenProbabilities(use, batch)),
  }
  const loaded = kinds.map(({ kind, layer: { shared, loaded: all } }) => [
    kind,
    layers.length * (shared + distinct[kind] * (all - shared)),
  ])
  return { batch, experts: distinct.hash_moe, ...(Object.fromEntries(loaded) as Record<keyof typeof distinct, number>) }
}

async function planCache(
  steps: readonly Uint32Array[],
  budget: number,
  { rows, trainedRowBytes }: { readonly rows: number; readonly trainedRowBytes: number },
  { signal, onProgress }: PlanOptions,
): Promise<CachePlan> {
  const fits = budget >= cacheBudget(1, trainedRowBytes)
  const slots = fits ? Math.min(rows, cacheSlots(budget, trainedRowBytes)) : 0
  const plan = { budget, slots, share: slots / rows }
  if (steps.some((step) => step.length > slots)) return plan
  onProgress?.(`planning a cache of ${slots} rows`)
  const how = { rows, slots, ...(signal ? { signal } : {}) }
  const lru = await replayCache(steps, { ...how, policy: 'lru' })
  const own = await replayCache(steps, how)
  return {
    ...plan,
    hitRate: { lru: lru.hitRate, wTinyLfu: own.hitRate },
    missedBytes: own.rowsRead * trainedRowBytes,
  }
}
