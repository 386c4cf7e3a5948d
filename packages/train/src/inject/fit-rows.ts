import type { Engine } from '@stemkit/compile'
import { parseEdit, type Edit } from '@stemkit/edit'
import { checkBatch } from '@stemkit/model'
import { StemkitError } from '@stemkit/spec/errors'
import { decodeRows, encodeRows, valueBytes, type RowLayout } from '@stemkit/store'
import { createAdam } from './adam.ts'
import type { FitSequence } from './fit-batches.ts'
import { putRows, rowsAt, sumOfSquares, type FittedPlaces } from './fitted-places.ts'
import type { FitModel } from './log-probabilities.ts'
import { measureTexts, scoreStatements, type TargetScore, type TextsReport } from './measure-texts.ts'
import { readRowBlock, type ReadableRows } from './row-block.ts'
import { openObjective, type ObjectiveValue, type Statement } from './row-objective.ts'

export interface FitRowsOptions {
  readonly model: FitModel
  /** Its rows as they are, of which only those that the texts read are fetched. */
  readonly rows: ReadableRows
  readonly engine: Engine
  /** What the edit is called. */
  readonly name: string
  readonly statements: readonly Statement[]
  /** Texts before which each statement is said as well, so that what is learnt does not hang on where it stands. */
  readonly prefixes?: readonly (readonly number[])[] | undefined
  /** Tokens whose rows are fitted. Those that the targets alone read get no gradient. */
  readonly tokens: readonly number[]
  /** STEM layers, counted from 0. Default: all. */
  readonly layers?: readonly number[] | undefined
  /** Texts on which the model should stay as it is. Those that read no fitted row cannot change, and are left out. */
  readonly neutral?: readonly (readonly number[])[] | undefined
  /** Other texts, on which it is measured how far it did. */
  readonly heldOut?: readonly (readonly number[])[] | undefined
  /** Weight of the divergence on neutral texts, in nats a token. Default 1. */
  readonly kl?: number | undefined
  /** Weight of the squared distance of the rows, as a share of their squared norm. Default 0.01. */
  readonly l2?: number | undefined
  /** At most so many. Default 100. */
  readonly steps?: number | undefined
  /** Of Adam, as a share of the root mean square of the rows in a table. Default 0.1. */
  readonly learningRate?: number | undefined
  /** Done when the mean loss of a target token is below this, in nats. Default 0.05. */
  readonly stopLoss?: number | undefined
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((step: FitStep) => void) | undefined
}

/** One step, measured before its update. */
export interface FitStep extends Pick<ObjectiveValue, 'total' | 'target' | 'divergence' | 'distance'> {
  readonly step: number
}

export interface LayerChange {
  /** STEM layer, counted from 0. */
  readonly layer: number
  /** Norm of the fitted rows together before and after, and of their difference. */
  readonly before: number
  readonly after: number
  readonly change: number
}

export interface FitReport {
  /** Whether the loss of the targets fell below `stopLoss`. */
  readonly reached: boolean
  readonly steps: readonly FitStep[]
  /** Of each statement, without prefixes. */
  readonly statements: readonly { readonly before: TargetScore; readonly after: TargetScore }[]
  readonly layers: readonly LayerChange[]
  /** Of `neutral`: how many texts there are, and how many of them read a fitted row. */
  readonly neutral: { readonly texts: number; readonly reading: number }
  /** On `heldOut`; undefined without any. */
  readonly heldOut: TextsReport | undefined
}

/** Rows that were fitted, as an edit that sets them, and what they changed. */
export interface FittedEdit {
  readonly edit: Edit
  readonly report: FitReport
}

/**
 * Injects statements: fits the rows of a few tokens, everything else frozen, until the model says the targets, by Adam on
 * the gradients of these rows alone.
 * @returns an edit that sets the rows, to be planned, applied and undone like any other, and what it changed
 * @throws bad-input for options out of range, and texts that make no sense or read none of the rows; diverged; the reason
 *   of `signal`
 */
export async function fitRows(options: FitRowsOptions): Promise<FittedEdit> {
  const { model, rows, engine, signal } = options
  const { steps = 100, learningRate = 0.1, stopLoss = 0.05, kl = 1, l2 = 0.01 } = options
  checkNumbers({ steps, learningRate, stopLoss, kl, l2 })
  const { statements, neutral, heldOut, tokens } = readTexts(options)
  const layers = layersOf(options)
  const spoken = [...statements.map(({ ids }) => ids), ...neutral.map(({ ids }) => ids), ...heldOut]
  const block = await readRowBlock(model, rows, [...spoken.flat(), ...tokens], signal)
  const fitted: FittedPlaces = {
    tables: layers.map((layer) => block.names[layer]!),
    places: tokens.map((token) => block.placeOf(token)),
  }
  const start = rowsAt(block, fitted)
  const reading = { model, engine, block, signal }
  const before = await scoreStatements(reading, options.statements)
  const compareTexts = heldOut.length > 0 ? await measureTexts(reading, heldOut) : undefined
  const objective = await openObjective({ ...options, block, fitted, statements, neutral, weights: { kl, l2 } })
  try {
    const values = start.map((table) => table.slice())
    const rates = start.map((table) => learningRate * (Math.sqrt(sumOfSquares(table) / table.length) || 1))
    const adam = createAdam(values.map(({ length }) => length))
    const taken: FitStep[] = []
    let value = await objective.compute()
    let [best, bestRows] = [value.total, start]
    for (let step = 0; ; step++) {
      const { total, target, divergence, distance } = value
      taken.push({ step, total, target, divergence, distance })
      options.onProgress?.(taken.at(-1)!)
      if (total <= best) [best, bestRows] = [total, values.map((table) => table.slice())]
      if (target < stopLoss || step === steps) break
      adam.step(values, value.gradients, rates)
      putRows(block, fitted, values)
      value = await objective.compute()
    }
    const reached = value.target < stopLoss
    const found = reached ? values : bestRows
    const kept = asStored(found, tokens.length, rows.layout)
    putRows(block, fitted, kept)
    const after = await scoreStatements(reading, options.statements)
    const report: FitReport = {
      reached,
      steps: taken,
      statements: before.map((score, i) => ({ before: score, after: after[i]! })),
      layers: layers.map((layer, t) => changeOf(layer, start[t]!, kept[t]!)),
      neutral: { texts: options.neutral?.length ?? 0, reading: neutral.length },
      heldOut: await compareTexts?.(),
    }
    return { edit: editOf(options, { tokens, layers, rows: kept }), report }
  } finally {
    await objective.dispose()
  }
}

function checkNumbers(numbers: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(numbers)) {
    if (Number.isFinite(value) && value >= 0 && (name !== 'steps' || Number.isInteger(value))) continue
    const range = name === 'steps' ? 'a whole number, 0 or more' : 'a number, 0 or more'
    throw new StemkitError('bad-input', `inject: ${name} is ${value}, but must be ${range}`)
  }
}

function readTexts({ model, statements, prefixes = [], neutral = [], heldOut = [], ...options }: FitRowsOptions) {
  const { config } = model
  const tokens = [...new Set(options.tokens)].toSorted((a, b) => a - b)
  for (const { ids, from } of statements) {
    if (Number.isInteger(from) && from >= 1 && from < ids.length) continue
    throw new StemkitError('bad-input', 'inject: a statement needs a target of one token or more behind another token')
  }
  if (statements.length === 0) throw new StemkitError('bad-input', 'inject: there is no statement')
  const read = new Set(statements.flatMap(({ ids }) => ids.slice(0, -1)))
  if (!tokens.some((token) => read.has(token))) {
    throw new StemkitError('bad-input', 'inject: no statement has any of the tokens whose rows are to be fitted')
  }
  const own = statements.map(({ ids, from }) => ({ ids, from }))
  const prefixed = prefixes.flatMap((prefix) =>
    own.map(({ ids, from }) => ({ ids: [...prefix, ...ids], from: prefix.length + from })),
  )
  const said = [...own, ...prefixed]
  for (const ids of [...said.map((each) => each.ids.slice(0, -1)), ...neutral, ...heldOut]) {
    checkBatch(config, { size: 1, length: ids.length, inputIds: ids })
  }
  const fitted = new Set(tokens)
  const asked = neutral.flatMap((ids): FitSequence[] => {
    const first = ids.findIndex((id) => fitted.has(id))
    // What comes before a fitted row is read does not see it.
    return first < 0 ? [] : [{ ids, at: Array.from({ length: ids.length - first }, (_, i) => first + i) }]
  })
  return { tokens, statements: said, neutral: asked, heldOut: heldOut.filter((ids) => ids.length > 1) }
}

function layersOf({ layers, rows: { layout } }: FitRowsOptions): number[] {
  const all = Array.from({ length: layout.layers }, (_, layer) => layer)
  const asked = layers ? [...new Set(layers)].toSorted((a, b) => a - b) : all
  const stray = asked.find((layer) => !all.includes(layer))
  if (stray === undefined && asked.length > 0) return asked
  throw new StemkitError(
    'bad-input',
    `inject: layer ${stray ?? 'none'} is not one of the ${all.length} STEM layers, which count from 0`,
  )
}

/** Rows as a table of this layout holds them: narrower types round. */
function asStored(tables: readonly Float32Array[], count: number, { dtype, width }: RowLayout): Float32Array[] {
  const layout = { layers: 1, width, dtype, state: 'none' } as const
  return tables.map((rows) => {
    const stride = Math.ceil(valueBytes(layout) / 4) * 4
    const bytes = new Uint8Array(count * stride)
    encodeRows(layout, rows, { bytes, stride })
    const decoded = new Float32Array(rows.length)
    decodeRows(layout, { bytes, stride }, decoded)
    return decoded
  })
}

function changeOf(layer: number, start: Float32Array, end: Float32Array): LayerChange {
  const norm = (values: Float32Array): number => Math.sqrt(sumOfSquares(values))
  return { layer, before: norm(start), after: norm(end), change: norm(end.map((value, i) => value - start[i]!)) }
}

function editOf(
  { name, rows: { layout } }: FitRowsOptions,
  found: {
    readonly tokens: readonly number[]
    readonly layers: readonly number[]
    readonly rows: readonly Float32Array[]
  },
): Edit {
  const { width } = layout
  const values = found.tokens.map((_, f) =>
    found.rows.map((rows) => Array.from(rows.subarray(f * width, (f + 1) * width))),
  )
  const layers = found.layers.length === layout.layers ? 'all' : found.layers
  return parseEdit({ name, operation: 'set', source: found.tokens, layers, values })
}
