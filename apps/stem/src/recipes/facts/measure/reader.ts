import type { Engine, FrozenWeight, InputSpec, TensorFunction } from '@stemkit/compile'
import type { ModelFiles } from '@stemkit/generate/node'
import { buildFeedForwards, listWeights, logits, transformer, type ModelConfig, type Weights } from '@stemkit/model'
import { cast, gatherRows, greater, MASKED, mul, reshape } from '@stemkit/tensor'
import type { Tensor1D, Tensor2D, Tensor4D } from '@stemkit/tensor'
import { createRowPool, type RowPool } from './row-pool.ts'

/** A text as a model reads it: which row of the input embeddings, and which of the STEM tables, each position gets. */
export interface Text {
  readonly embedded: readonly number[]
  readonly looked: readonly number[]
  /** The first position whose logits are wanted; those of all later ones are too. */
  readonly from: number
}

/** Reads many texts at once, each with rows of its own, so that an edit costs no more than a text. */
export interface Reader {
  readonly config: ModelConfig
  readonly embeddings: RowPool
  readonly tables: RowPool
  /** Logits [n, V] of each text, n positions from `from` on, handed over in memory that is used again. */
  read(texts: readonly Text[], take: (text: number, logits: Float32Array) => void, signal?: AbortSignal): Promise<void>
  dispose(): Promise<void>
}

const EMBEDDING = 'model.embed_tokens.weight'
/** Positions of a batch, and sequences. */
const LIMIT = { positions: 1536, texts: 128 }

export async function createReader({ config, weights }: ModelFiles, engine: Engine): Promise<Reader> {
  const tableNames: string[] = []
  const frozen: Record<string, FrozenWeight> = {}
  for (const [name, { role }] of listWeights(config)) {
    if (role === 'table') tableNames.push(name)
    else if (name !== EMBEDDING) frozen[name] = weights.get(name)!
  }
  const { dim, ffnHidden, vocabSize } = config
  const embeddings = createRowPool([weights.get(EMBEDDING)!.data], dim)
  const tables = createRowPool(
    tableNames.map((name) => weights.get(name)!.data),
    ffnHidden,
  )
  const program = await engine.load(readingGraph(config), readingInputs(config, tableNames), { frozen })

  async function readBatch(texts: readonly Text[], signal: AbortSignal | undefined): Promise<Float32Array> {
    const [B, T] = [texts.length, Math.max(...texts.map(({ looked }) => looked.length))]
    const [ids, inverse, positions] = [new Int32Array(B * T), new Int32Array(B * T), new Int32Array(B * T)]
    const at: number[] = []
    const used = { embedded: new Map<number, number>(), looked: new Map<number, number>() }
    const indexIn = (names: Map<number, number>, name: number): number => {
      const found = names.get(name) ?? names.size
      if (found === names.size) names.set(name, found)
      return found
    }
    texts.forEach(({ embedded, looked, from }, b) => {
      for (let t = 0; t < T; t++) {
        positions[b * T + t] = t
        // What stands behind a text is seen by nothing in it.
        ids[b * T + t] = indexIn(used.embedded, embedded[t] ?? embedded[0]!)
        inverse[b * T + t] = indexIn(used.looked, looked[t] ?? looked[0]!)
        if (t >= from && t < looked.length) at.push(b * T + t)
      }
    })
    const feeds: Record<string, Float32Array | Int32Array> = {
      order: Int32Array.from({ length: T }, (_, t) => t),
      ids,
      positions,
      inverse,
      at: Int32Array.from(at),
      [EMBEDDING]: blockOf(embeddings, used.embedded, 0),
    }
    tableNames.forEach((name, layer) => (feeds[name] = blockOf(tables, used.looked, layer)))
    const { logits: found } = await program.run(feeds, signal ? { signal } : {})
    return found as Float32Array
  }

  return {
    config,
    embeddings,
    tables,
    async read(texts, take, signal) {
      for (const batch of batchesOf(texts)) {
        signal?.throwIfAborted()
        const found = await readBatch(
          batch.map((i) => texts[i]!),
          signal,
        )
        let offset = 0
        for (const i of batch) {
          const size = (texts[i]!.looked.length - texts[i]!.from) * vocabSize
          take(i, found.subarray(offset, offset + size))
          offset += size
        }
      }
    },
    dispose: () => program.dispose(),
  }
}

/** Texts of like lengths together, by their indices. */
function batchesOf(texts: readonly Text[]): number[][] {
  const lengthOf = (i: number): number => texts[i]!.looked.length
  const batches: number[][] = []
  let batch: number[] = []
  for (const i of Array.from(texts.keys()).toSorted((a, b) => lengthOf(a) - lengthOf(b))) {
    if (batch.length === LIMIT.texts || (batch.length + 1) * lengthOf(i) > LIMIT.positions) {
      if (batch.length > 0) batches.push(batch)
      batch = []
    }
    batch.push(i)
  }
  if (batch.length > 0) batches.push(batch)
  return batches
}

function blockOf(pool: RowPool, used: ReadonlyMap<number, number>, layer: number): Float32Array {
  const block = new Float32Array(used.size * pool.width)
  for (const [name, index] of used) pool.copy(name, layer, block, index * pool.width)
  return block
}

/** `order` [T] is 0, 1, ...; of embeddings and tables come the rows that the texts read, [E, d] and [U, d_ff]. */
function readingInputs(config: ModelConfig, tables: readonly string[]): Record<string, InputSpec> {
  const tokens: InputSpec = { dtype: 'int32', shape: ['B', 'T'] }
  return {
    order: { dtype: 'int32', shape: ['T'] },
    ids: tokens,
    positions: tokens,
    inverse: tokens,
    at: { dtype: 'int32', shape: ['R'] },
    [EMBEDDING]: { dtype: 'float32', shape: ['E', config.dim] },
    ...Object.fromEntries(tables.map((name) => [name, { dtype: 'float32', shape: ['U', config.ffnHidden] }])),
  }
}

const readingGraph =
  (config: ModelConfig): TensorFunction =>
  (inputs) => {
    const weights = inputs as Weights
    const inverse = reshape(inputs['inverse']!, [-1]) as Tensor1D
    const feedForwards = buildFeedForwards(config, weights, { inverse })
    const order = inputs['order']!
    const later = greater(reshape(order, [1, 1, 1, -1]), reshape(order, [1, 1, -1, 1]))
    const mask = mul(cast(later, 'float32'), MASKED) as Tensor4D
    const sequences = { ids: inputs['ids'] as Tensor2D, positions: inputs['positions'] as Tensor2D, mask }
    const { hidden } = transformer(config, weights, sequences, feedForwards)
    return { logits: logits(weights, gatherRows(hidden, inputs['at'] as Tensor1D)) }
  }
