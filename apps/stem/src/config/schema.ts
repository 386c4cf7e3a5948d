import { presets, TABLE_INITS, type TableInit } from '@stemkit/model'
import { z } from 'zod'
import { byteAmount } from './byte-amount.ts'

const count = z.number().int().positive()
const fraction = z.number().gt(0).lt(1)
const paths = z
  .union([z.string(), z.array(z.string()).min(1)])
  .transform((value) => (typeof value === 'string' ? [value] : value))

const model = z.strictObject({
  preset: z.enum(Object.keys(presets) as [keyof typeof presets, ...(keyof typeof presets)[]]).optional(),
  dim: count.optional(),
  layers: count.optional(),
  heads: count.optional(),
  kvHeads: count.optional(),
  headDim: count.optional(),
  ffnHidden: count.optional(),
  ffnMultipleOf: count.optional(),
  ffnDimMultiplier: z.number().positive().optional(),
  maxLength: count.optional(),
  /** `dense`, `stem`, `hash_moe` or one that a plugin brings. */
  kind: z.string().min(1).optional(),
  placement: z.union([z.enum(['third', 'half', 'full']), z.array(z.number().int().nonnegative())]).optional(),
  experts: count.optional(),
  ropeTheta: z.number().positive().optional(),
  normEps: z.number().positive().optional(),
  crossDocumentMask: z.boolean().optional(),
  tableInit: z.enum(TABLE_INITS as [TableInit, ...TableInit[]]).default('xavier-normal'),
})

const tokenizer = z.strictObject({
  /** A tokenizer.json, or a folder that holds a tokenizer. */
  path: z.string().optional(),
  /** Without a path: a byte-level BPE of this size is trained on the training text. */
  vocabSize: count.default(4096),
})

const data = z.strictObject({
  /** Text, JSONL, `.gz` and `.zst` files, folders or globs. */
  train: paths,
  /** Files of their own, or the share of the training documents that is held out (the last ones). */
  heldOut: z.union([fraction, paths]).default(0.05),
  /** The JSONL field that holds the text. */
  field: z.string().default('text'),
  /** T: tokens per sequence. Default: the model's maxLength. */
  length: count.optional(),
  resetPositions: z.boolean().default(false),
})

const training = z.strictObject({
  steps: count,
  batchSize: count.default(8),
  /** Micro-batches per optimiser step. */
  accumulate: count.default(1),
  learningRate: z.number().positive().default(1e-3),
  /** `cosine`: linear warm-up, then a cosine to the floor; `linear`: the same with a line; `constant`. */
  schedule: z.enum(['cosine', 'linear', 'constant']).default('cosine'),
  /** Steps. Default: 50, or a tenth of all steps where that is less. */
  warmup: z.number().int().nonnegative().optional(),
  /** The last learning rate as a share of the peak. */
  floor: z.number().min(0).max(1).default(0.1),
  betas: z.tuple([fraction, fraction]).default([0.9, 0.95]),
  eps: z.number().positive().default(1e-8),
  weightDecay: z.number().nonnegative().default(0.1),
  /** Global gradient norm above which gradients are scaled down; null clips nothing. */
  clip: z.number().positive().nullable().default(1),
  /** What happens to table rows: `lazy` moves the rows that a step used, `dense` and `official` all of them. */
  tables: z.enum(['lazy', 'dense', 'official']).default('lazy'),
  /** What moves those rows, where `tables` is `lazy`. */
  rowOptimizer: z.enum(['adamw', 'rowwise-adagrad']).default('adamw'),
  /** Their learning rate as a multiple of `learningRate`. */
  rowLearningRate: z.number().positive().default(1),
})

const bytes = z.union([count, z.string()]).transform((value, context) => {
  const amount = typeof value === 'number' ? value : byteAmount(value)
  if (amount !== undefined) return amount
  context.addIssue({ code: 'custom', message: 'it must be an amount of memory, as in 512MB or 2G' })
  return z.NEVER
})

const store = z.strictObject({
  /** Where the rows are, as in `file:./rows`, `sqlite:./rows.db` or `redis://host`. Default: `rows` in the run folder. */
  url: z.string().optional(),
  /** Memory for rows in use and rows kept. */
  budget: bytes.default(512 * 2 ** 20),
  /** Steps whose rows are fetched ahead. */
  lookahead: z.number().int().nonnegative().default(1),
})

const run = z.strictObject({
  seed: z.number().int().nonnegative().default(0),
  /** Files, relative to the config's folder, or packages: feed-forwards and row drivers of one's own. */
  plugins: z.array(z.string().min(1)).default([]),
  model: model.default({ tableInit: 'xavier-normal' }),
  tokenizer: tokenizer.default({ vocabSize: 4096 }),
  data,
  training,
  /** Tables in a store instead of memory, with the state of their optimiser. */
  store: store.optional(),
  evaluate: z
    .strictObject({ every: count.default(100), batches: count.default(16) })
    .default({ every: 100, batches: 16 }),
  checkpoint: z.strictObject({ every: count.default(200), keep: count.default(2) }).default({ every: 200, keep: 2 }),
  /** Threads; default: one per core. */
  threads: count.optional(),
  /** Peak FLOP/s of the machine, for model FLOP utilisation; default: measured with one large product. */
  peakFlops: z.number().positive().optional(),
})

/** A training run, as a YAML or JSON file has it. */
export const runSchema = run.superRefine((config, context) => {
  const wrong = (path: string[], message: string): void => context.addIssue({ code: 'custom', path, message })
  const { steps, warmup = 0 } = config.training
  if (warmup >= steps) wrong(['training', 'warmup'], `it must be less than training.steps, ${steps}`)
  const { length = 0 } = config.data
  const { maxLength = length } = config.model
  if (config.store && config.training.tables !== 'lazy') {
    wrong(['training', 'tables'], 'with tables in a store it must be lazy')
  }
  if (config.training.rowOptimizer !== 'adamw' && config.training.tables !== 'lazy') {
    wrong(['training', 'tables'], `with ${config.training.rowOptimizer} it must be lazy`)
  }
  if (length > maxLength) {
    wrong(['data', 'length'], `sequences can be at most as long as model.maxLength, ${maxLength}`)
  }
})

export type RunConfig = z.output<typeof runSchema>
