import { compiledEngine, type FrozenWeight } from '@stemkit/compile'
import { nodeRuntime } from '@stemkit/compile/node'
import { createDecoder, measureKvScales, openTableRows, type Decoder, type TableRows } from '@stemkit/generate'
import { listWeights, type ModelConfig } from '@stemkit/model'
import { createRowStore, memoryRows, payloadBytes, type RowLayout } from '@stemkit/store'
import { spawnWorker } from '@stemkit/threads/node'
import { blockFor, packMatrix, toFloat16 } from '@stemkit/weights'
import type { DecodeFormat } from '../decode-side.ts'
import { randomWeight } from '../twin.ts'

const SEED = 5
/** With 4 bits it takes 4.5 bits a weight, as llama.cpp's Q4_0 does. */
const BLOCK = 128

export interface BenchModel {
  readonly config: ModelConfig
  readonly weights: ReadonlyMap<string, FrozenWeight>
  readonly rows: TableRows
}

/** A model of random weights in a format; its embedding in half precision. The head is packed, too, as the peer's is. */
export function makeModel(config: ModelConfig, format: DecodeFormat): BenchModel {
  const weights = new Map<string, FrozenWeight>()
  for (const [name, { shape, role }] of listWeights(config)) {
    if (role !== 'table') weights.set(name, inFormat(name, shape, randomWeight(config, name, SEED), format))
  }
  return { config, weights, rows: randomRows(config) }
}

function inFormat(name: string, shape: readonly number[], data: Float32Array, format: DecodeFormat): FrozenWeight {
  const [N, K] = shape as [number, number | undefined]
  if (K === undefined || format === 'f32') return { shape, data }
  const isEmbedding = name === 'model.embed_tokens.weight'
  if (isEmbedding || format === 'f16') return { shape, data: Uint16Array.from(data, toFloat16) }
  return packMatrix(data, [N, K], { bits: format === 'q8' ? 8 : 4, block: blockFor(K, BLOCK)! })
}

/** All tables in one store in memory, int8: 2 GB at the benchmark's shape. Their numbers do not matter, their size does. */
function randomRows(config: ModelConfig): TableRows {
  const layout = tablesLayout(config)
  if (layout === undefined) return openTableRows({ config, weights: new Map() })
  const rowBytes = payloadBytes(layout)
  const buffer = new Uint8Array(config.vocabSize * rowBytes)
  for (let id = 0; id < config.vocabSize; id++) {
    fillRow(layout, id, buffer.subarray(id * rowBytes, (id + 1) * rowBytes))
  }
  const driver = memoryRows({ rows: config.vocabSize, rowBytes, buffer })
  return openTableRows({ config, weights: new Map(), rows: createRowStore({ table: { ...driver, layout } }) })
}

/** How a store holds the tables; undefined for a model without. */
export function tablesLayout(config: ModelConfig): RowLayout | undefined {
  const tables = [...listWeights(config)].filter(([, { role }]) => role === 'table')
  const width = tables[0]?.[1].shape[1]
  return width === undefined ? undefined : { layers: tables.length, width, dtype: 'int8', state: 'none' }
}

/** Row `id` [L][w], always the same: numbers of 8 bits, then a scale for each layer. */
export function fillRow({ layers, width }: RowLayout, id: number, into: Uint8Array): void {
  const words = new Uint32Array(into.buffer, into.byteOffset, into.length >> 2)
  let state = Math.imul(id + 1, 0x9e3779b1) || 1
  for (let i = 0; i < words.length; i++) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    words[i] = state
  }
  new Float32Array(into.buffer, into.byteOffset + into.length - 4 * layers, layers).fill(1 / width ** 0.5)
}

export interface OpenOptions {
  readonly slots: number
  readonly threads: number
}

/** A decoder of the model, on the runtime that decodes in Node. Beside packed weights keys and values are in int8. */
export async function openDecoder(model: BenchModel, { slots, threads }: OpenOptions): Promise<Decoder> {
  const engine = compiledEngine(nodeRuntime(), { threads })
  const kvScales = isPacked(model) ? await measureKvScales({ ...model, engine }) : undefined
  return createDecoder({ ...model, engine, slots, kvScales, stepThreads: { threads, spawn: spawnWorker } })
}

const isPacked = ({ weights }: Pick<BenchModel, 'weights'>): boolean =>
  [...weights.values()].some((weight) => 'bits' in weight)

/** Bytes that one step reads, with `cached` tokens in each of the caches. */
export function stepBytes(
  { config, weights }: BenchModel,
  { batch, cached }: { batch: number; cached: number },
): number {
  let bytes = 0
  for (const [name, weight] of weights) {
    if (name === 'model.embed_tokens.weight') continue
    bytes += weight.data.byteLength + ('scales' in weight ? weight.scales.byteLength : 0)
  }
  const tables = config.feedForwards.filter((kind) => kind === 'stem').length
  const keysAndValues = cached * config.layers * 2 * config.kvHeads * config.headDim * (isPacked({ weights }) ? 1 : 4)
  return bytes + batch * (keysAndValues + tables * config.ffnHidden)
}
