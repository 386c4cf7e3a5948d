import type { Engine, Program } from '@stemkit/compile'
import { checkBatch, tokenExperts } from '@stemkit/model'
import { StemkitError } from '@stemkit/spec/errors'
import { readBlock } from '../blocks.ts'
import { tablesOfModel, type Tables } from '../tables.ts'
import type { ReadableModel } from '../up-activations.ts'
import {
  attributionInputs,
  gradientName,
  inverseName,
  logProbabilityGraph,
  rowGradientGraph,
  type GraphShape,
} from './log-probability-graph.ts'
import { meanRows } from './mean-row.ts'

export interface AttributeOptions {
  readonly engine: Engine
  /** Token ids, at least one. */
  readonly prompt: readonly number[]
  /** The continuation whose probability is looked at, at least one token. */
  readonly target: readonly number[]
  /** What takes a row's place: the mean row of its table, or zeros. Or rows of yours [L, w]. Default `mean`. */
  readonly replacement?: 'mean' | 'zero' | Float32Array | undefined
  /**
   * `row`: a row of a table is replaced wherever the text reads it, as an edit of the table would.
   * `occurrence`: only what one position reads. Default `row`.
   */
  readonly by?: 'row' | 'occurrence' | undefined
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((done: number) => void) | undefined
}

/** How much one row did for a prediction. */
export interface RowEffect {
  readonly layer: number
  readonly token: number
  /** Where the text reads it: positions in prompt and target, from 0. */
  readonly positions: readonly number[]
  /** ln p(target) with the row, minus ln p(target) with the replacement: above 0 where the prediction leaned on the row. */
  readonly effect: number
  /** The first-order estimate of it: the gradient of ln p(target) by the row, times (row - replacement). */
  readonly estimate: number
}

export interface Attribution {
  /** ln of the probability of the target after the prompt, summed over its tokens. */
  readonly logProbability: number
  /** By layer, then in the order in which the text first reads them. */
  readonly effects: readonly RowEffect[]
}

/** Variants of the text that are computed at once. */
const BATCH = 8

/**
 * Which rows a prediction leaned on. Each row that the text reads is replaced, one at a time, and the prediction computed again:
 * that is exact. Beside it stands what one gradient says about all of them.
 *
 * The model needs all weights but the tables, whose rows come from `tables`.
 * @throws bad-input for an empty prompt or target, ids out of range, or a text that is too long; not-found for a missing weight
 */
export async function attribute(model: ReadableModel, tables: Tables, options: AttributeOptions): Promise<Attribution> {
  const { config, custom } = model
  const { engine, signal, onProgress, by = 'row' } = options
  const { ids, targets } = textOf(model, options)
  const names = tablesOfModel(model).tables.map(({ name }) => name)
  const { width, layers } = tables
  const replacement = await replacementOf(tables, options)

  const rows = rowsOf(ids, by)
  const unique = Uint32Array.from(new Set(ids)).toSorted()
  const block = await readBlock(tables, unique, signal)
  // Row r of the text at r, and the replacement behind the last.
  const withReplacement = names.map((_, t) => {
    const own = new Float32Array((rows.tokens.length + 1) * width)
    for (const [r, token] of rows.tokens.entries()) {
      const at = unique.indexOf(token) * width
      own.set(block.table(t).subarray(at, at + width), r * width)
    }
    own.set(replacement.subarray(t * width, (t + 1) * width), rows.tokens.length * width)
    return own
  })

  const fixed: Record<string, Float32Array> = {}
  for (const [name, { data }] of model.weights) if (!names.includes(name)) fixed[name] = data
  names.forEach((name, t) => (fixed[name] = withReplacement[t]!))

  const ablations = names.flatMap((_, t) => rows.tokens.map((_row, r) => ({ t, r })))
  const shapeOf = (size: number): GraphShape => {
    return { config, custom, tables: names, size, length: ids.length, targets: targets.length }
  }
  const feedsOf = (size: number, replaced: readonly { readonly t: number; readonly r: number }[]) => {
    const all = repeat(ids, size)
    const first = ids.length - targets.length
    const feeds: Record<string, Float32Array | Int32Array> = {
      ...fixed,
      ids: all,
      positions: all.map((_, i) => i % ids.length),
      tokenExperts: tokenExperts(config, all),
      at: Int32Array.from({ length: size * targets.length }, (_, i) => {
        return Math.floor(i / targets.length) * ids.length + first + (i % targets.length)
      }),
      targets: repeat(targets, size),
    }
    for (const [t, name] of names.entries()) {
      const inverse = repeat(rows.inverse, size)
      for (const [b, ablation] of replaced.entries()) {
        if (ablation.t !== t) continue
        for (const at of rows.positions[ablation.r]!) inverse[b * ids.length + at] = rows.tokens.length
      }
      feeds[inverseName(name)] = inverse
    }
    return feeds
  }

  const one = shapeOf(1)
  const found = await once(engine.load(rowGradientGraph(one), attributionInputs(one)), (program) =>
    program.run(feedsOf(1, []), signal ? { signal } : {}),
  )
  const logProbability = found['logProbability']![0] as number
  if (!Number.isFinite(logProbability)) {
    throw new StemkitError('diverged', 'inspect: the model gives no probabilities for this text; check the weights')
  }

  // The first variant of the first batch is the text as it is, from the same graph as those that are held against it.
  const variants = [{ t: -1, r: -1 }, ...ablations]
  const scores = new Float64Array(variants.length)
  const many = shapeOf(Math.min(BATCH, variants.length))
  await once(engine.load(logProbabilityGraph(many), attributionInputs(many)), async (program) => {
    for (let from = 0; from < variants.length; from += many.size) {
      signal?.throwIfAborted()
      const part = variants.slice(from, from + many.size)
      const { losses } = await program.run(feedsOf(many.size, part), signal ? { signal } : {})
      for (let i = 0; i < part.length * targets.length; i++) {
        scores[from + Math.floor(i / targets.length)]! -= losses![i] as number
      }
      onProgress?.((from + part.length) / variants.length)
    }
  })

  return {
    logProbability: scores[0]!,
    effects: ablations.map(({ t, r }, i) => {
      const gradient = found[gradientName(names[t]!)] as Float32Array
      let estimate = 0
      for (let k = 0; k < width; k++) {
        const change = withReplacement[t]![r * width + k]! - replacement[t * width + k]!
        estimate += gradient[r * width + k]! * change
      }
      const positions = rows.positions[r]!
      return { layer: layers[t]!, token: rows.tokens[r]!, positions, effect: scores[0]! - scores[i + 1]!, estimate }
    }),
  }
}

async function once<T>(loading: Promise<Program>, work: (program: Program) => Promise<T>): Promise<T> {
  const program = await loading
  try {
    return await work(program)
  } finally {
    await program.dispose()
  }
}

/** What the model reads, and what has to come out at its last positions. */
function textOf({ config }: ReadableModel, { prompt, target }: AttributeOptions) {
  if (prompt.length === 0 || target.length === 0) {
    throw new StemkitError('bad-input', 'inspect: attribution needs a prompt and a target of one token or more')
  }
  const all = Int32Array.from([...prompt, ...target])
  const ids = all.subarray(0, -1)
  checkBatch(config, { size: 1, length: ids.length, inputIds: ids, targets: all.subarray(1) })
  return { ids, targets: all.subarray(prompt.length) }
}

/** The rows that a text reads: which token's, from where, and of each position its row. */
function rowsOf(ids: Int32Array, by: 'row' | 'occurrence') {
  const tokens = by === 'row' ? [...new Set(ids)] : Array.from(ids)
  const inverse = by === 'row' ? ids.map((id) => tokens.indexOf(id)) : ids.map((_, at) => at)
  const positions = tokens.map((): number[] => [])
  for (const [at, r] of inverse.entries()) positions[r]!.push(at)
  return { tokens, inverse, positions }
}

async function replacementOf(
  tables: Tables,
  { replacement = 'mean', signal }: AttributeOptions,
): Promise<Float32Array> {
  const size = tables.layers.length * tables.width
  if (replacement === 'zero') return new Float32Array(size)
  if (replacement === 'mean') return meanRows(tables, { signal })
  if (replacement.length === size) return replacement
  throw new StemkitError('bad-input', `inspect: a replacement of ${replacement.length} numbers; ${size} are needed`)
}

function repeat(values: Int32Array, times: number): Int32Array {
  const all = new Int32Array(values.length * times)
  for (let i = 0; i < times; i++) all.set(values, i * values.length)
  return all
}
