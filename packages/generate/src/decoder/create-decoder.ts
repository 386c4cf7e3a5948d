import type { Engine, FrozenWeight, Program } from '@stemkit/compile'
import { FEED_FORWARDS, listWeights, tokenExperts, type CustomFeedForwards, type ModelConfig } from '@stemkit/model'
import { StemkitError } from '@stemkit/spec/errors'
import type { SpawnWorker } from '@stemkit/threads'
import type { TableRows } from '../table-rows.ts'
import { checkChunks } from './check-chunks.ts'
import type { Asked, Chunk, Decoder } from './decoder.ts'
import { createFrames, type Frame, type FrameShape } from './frames.ts'
import { createKvCache, type KvArray, type KvCache, type KvScales } from './kv-cache.ts'
import { createStage } from './stage.ts'
import { scaleWeights, stepGraph, stepInputs } from './step-graph.ts'
import { gatherStepRows, type StepRows } from './step-rows.ts'
import { runByThreads } from './step-threads/run-by-threads.ts'
import { openStepThreads } from './step-threads/step-threads.ts'
import { unsuitedForThreads } from './step-threads/suitability.ts'

export interface CreateDecoderOptions {
  readonly config: ModelConfig
  /**
   * Every weight but the tables, as `listWeights` names them, in any form that `compile` takes. They must stay as they are
   * until the decoder is disposed.
   */
  readonly weights: ReadonlyMap<string, FrozenWeight>
  /** Where rows come from if a chunk does not say. It stays the caller's. */
  readonly rows: TableRows
  readonly engine: Engine
  /** Sequences that it holds at once. */
  readonly slots: number
  /** Tokens that a slot holds. Default: the model's length. */
  readonly maxLength?: number | undefined
  /**
   * Makes the logits of a chunk the same bits whatever else is in the step: each step of single tokens then computes all
   * slots. They still depend on how a sequence was cut into chunks. Default false.
   */
  readonly deterministic?: boolean | undefined
  /**
   * Keeps keys and values in int8, in units of these, instead of float32: a quarter of the memory, beside that of one slot in full, and attention of single
   * tokens is about twice as fast. Changes logits a little.
   */
  readonly kvScales?: KvScales | undefined
  /** Feed-forwards of your own. */
  readonly custom?: CustomFeedForwards | undefined
  /**
   * Computes steps of few tokens by threads of its own instead of the engine, where the model allows it: these read matrices as fast as
   * memory gives them, and have their own copy of them. Not beside `deterministic`.
   */
  readonly stepThreads?: StepThreadsOptions | undefined
}

/** Threads for steps of few tokens. */
export interface StepThreadsOptions {
  /** Beside the calling one; 0 computes on that. */
  readonly threads: number
  readonly spawn: SpawnWorker
}

interface LaneOptions {
  readonly places: number
  readonly smallSteps: number
  readonly scales?: KvScales | undefined
  readonly arrays?: ReadonlyMap<string, KvArray> | undefined
}

/** What runs passes over caches. */
interface Lane {
  readonly program: Program
  readonly cache: KvCache
  readonly frames: ReturnType<typeof createFrames>
}

function closeLane({ frames, program }: Lane): Promise<void> {
  frames.dispose()
  return program.dispose()
}

/** With caches in int8, passes of as many tokens and more go over the stage: its tokens have to be brought there, and back. */
const STAGED = 16

/** Batches are filled up to a multiple of this, so that every row of a product is computed by the same kernel. */
const ROW_TILE = 4

/** Chunks that are run at once: one of them, or many of one token. */
type Pass = readonly Chunk[]

/**
 * A decoder of a model on an engine.
 * @throws bad-input naming a weight that is missing or has another shape than the config says
 */
export const createDecoder = async (options: CreateDecoderOptions): Promise<Decoder> =>
  (await openDecoder(options)).decoder

/** A decoder, and where its keys and values lie. */
export async function openDecoder(
  options: CreateDecoderOptions,
): Promise<{ readonly decoder: Decoder; readonly cache: KvCache }> {
  const { config, rows, engine, slots, custom, kvScales, deterministic = false } = options
  const maxLength = Math.min(options.maxLength ?? config.maxLength, config.maxLength)
  // A row that only fills up a batch is written behind the last token of its slot.
  const capacity = deterministic ? maxLength + 1 : maxLength
  const places = deterministic ? ROW_TILE * Math.ceil(slots / ROW_TILE) : slots
  const { frozen, tables } = sortWeights(options)
  const { vocabSize } = config
  const group = {}
  const openLane = async (lane: LaneOptions): Promise<Lane> => {
    const graph = { config, custom, capacity, scales: lane.scales }
    const weights = { ...frozen, ...scaleWeights(lane.scales) }
    const program = await engine.load(stepGraph(graph), stepInputs(graph), {
      frozen: weights,
      ...(kvScales && { group }),
    })
    const { places: count, arrays } = lane
    const cache = createKvCache({ config, places: count, capacity, dtype: lane.scales ? 'int8' : 'float32', arrays })
    const frames = createFrames({ program, cache, vocabSize, tables, smallSteps: lane.smallSteps })
    return { program, cache, frames }
  }
  checkScales(options)
  const opened: (() => Promise<void>)[] = []
  const closeAll = async (): Promise<void> => {
    for (const close of opened.splice(0).toReversed()) await close()
  }
  const open = async () => {
    const stepOptions = options.stepThreads && {
      ...options.stepThreads,
      config,
      weights: frozen,
      tables,
      places,
      capacity,
      scales: kvScales,
    }
    const isSuited = stepOptions && !deterministic && unsuitedForThreads(stepOptions) === undefined
    const threads = isSuited ? await openStepThreads(stepOptions) : undefined
    if (threads) opened.push(threads.dispose)
    const main = await openLane({ places, scales: kvScales, smallSteps: Math.max(places, 16), arrays: threads?.caches })
    opened.push(() => closeLane(main))
    // Its sequences all stand at one place, so kept frames, and logits in them, would be one for all.
    const wide = kvScales && (await openLane({ places: 1, smallSteps: 0 }))
    if (wide) opened.push(() => closeLane(wide))
    return { threads, main, wide }
  }
  const { threads, main, wide } = await open().catch(async (error) => {
    await closeAll()
    throw error
  })
  const { cache } = main
  const stage = wide && kvScales && createStage({ config, cache, wide: wide.cache, scales: kvScales })
  const hasExperts = config.feedForwards.some((kind) => kind === 'hash_moe' || !FEED_FORWARDS.includes(kind))
  // The rows of one pass are gathered while those of the one before are in use.
  let memories = [reusedMemory(), reusedMemory()]
  let turn = 0
  let underWay: PromiseWithResolvers<void> | undefined
  /** Runs that failed: a request for rows may still be writing to the memory of the last one. */
  let failures = 0
  let disposed = false

  /** Rows of the first pass of a run may be gathered to where a frame has them, as nothing reads there. */
  const gatherRows = (pass: Pass, isFirst: boolean, signal: AbortSignal | undefined): Promise<StepRows> => {
    const count = pass.reduce((sum, { ids }) => sum + ids.length, 0)
    const spare = memories[turn++ % memories.length]!
    const inPlace = (length: number) => (isFirst ? main.frames.rowMemory(count, length) : undefined)
    const gathering = gatherStepRows(
      pass.map((chunk) => ({ rows: chunk.rows ?? rows, start: chunk.start, ids: chunk.ids })),
      { signal, memory: (length) => inPlace(length) ?? spare(length) },
    )
    // It may be awaited late, or never if an earlier pass fails.
    gathering.catch(() => {})
    return gathering
  }

  /** Puts a pass into the arrays of its frame, of which sequence i is at row `rowOf[i]`. */
  function fill(frame: Frame, pass: Pass, first: number, { inverse }: StepRows): number[] {
    const T = pass[0]!.ids.length
    if (frame.last.length > pass.length) {
      frame.last.forEach((_, row) => (frame.last[row] = cache.lengthAt(first + row)))
      frame.ids.fill(0)
      frame.inverse.fill(0)
    }
    let position = 0
    const rowOf = pass.map(({ slot, start, ids }) => {
      const row = cache.placeOf(slot) - first
      frame.last[row] = start + T - 1
      frame.ids.set(ids, row * T)
      for (let t = 0; t < T; t++) frame.inverse[row * T + t] = inverse[position++]!
      return row
    })
    frame.longest[0] = Math.max(...frame.last) + 1
    if (hasExperts) frame.tokenExperts.set(tokenExperts(config, frame.ids))
    return rowOf
  }

  async function runPass(pass: Pass, stepRows: StepRows, results: Map<Chunk, Float32Array>, signal?: AbortSignal) {
    const T = pass[0]!.ids.length
    // What stood behind is forgotten, also if the run fails in its middle.
    for (const { slot, start } of pass) cache.lengths[slot] = Math.min(cache.lengths[slot]!, start)
    for (const { slot, start } of pass) stage?.forget(slot, start)
    const staged = stage && T >= STAGED ? pass[0]! : undefined
    if (staged) stage!.open(staged.slot, staged.start)
    const { frames } = staged ? wide! : main
    const all = deterministic && T === 1
    const first = all || staged ? 0 : cache.gather(pass.map(({ slot }) => slot))
    const B = all ? places : pass.length
    const wanted = T === 1 ? B : wantedOf(pass[0]!.asked, T)
    const shape: FrameShape = { first, B, T, R: Math.max(wanted, deterministic ? 2 : 1) }
    const small = frames.isSmall(shape)
    const frame = small ? frames.small(shape) : frames.large(shape, joined(stepRows, tables))
    try {
      if (small) spread(stepRows, frame.tables)
      const rowOf = fill(frame, pass, staged ? cache.placeOf(staged.slot) : first, stepRows)
      for (let r = 0; r < shape.R; r++) frame.at[r] = Math.min(B * T - 1, B * T - wanted + r)
      await frame.bound.run(signal ? { signal } : {})
      if (staged) stage!.close(staged.slot, staged.start, staged.start + T)
      pass.forEach((chunk, i) => {
        const { slot, start, ids, asked } = chunk
        cache.lengths[slot] = start + ids.length
        const from = T === 1 ? rowOf[i]! : 0
        const count = wantedOf(asked, ids.length)
        results.set(chunk, frame.logits.subarray(from * vocabSize, (from + count) * vocabSize))
      })
    } finally {
      if (!small) frame.bound.dispose()
    }
  }

  const decoder: Decoder = {
    slots,
    maxLength,
    async run(chunks, { signal } = {}) {
      if (disposed) throw new StemkitError('bad-input', 'decoder: it was disposed')
      if (underWay) throw new StemkitError('conflict', 'decoder: a run is under way; await it first')
      checkChunks(chunks, { slots, maxLength, vocabSize, lengths: cache.lengths })
      signal?.throwIfAborted()
      underWay = Promise.withResolvers()
      try {
        const tokens = chunks.reduce((sum, { ids }) => sum + ids.length, 0)
        if (threads && tokens <= threads.mostTokens) {
          const rowMemory = threads.rowMemories[failures % 2]!
          return await runByThreads(threads, chunks, { cache, stage, rows, vocabSize, rowMemory, signal })
        }
        const single = chunks.filter(({ ids }) => ids.length === 1)
        const passes: Pass[] = chunks.filter(({ ids }) => ids.length > 1).map((chunk) => [chunk])
        if (single.length > 0) passes.unshift(single)
        const results = new Map<Chunk, Float32Array>()
        let next = passes.length > 0 ? gatherRows(passes[0]!, true, signal) : undefined
        for (const [i, pass] of passes.entries()) {
          const stepRows = await next!
          if (i + 1 < passes.length) next = gatherRows(passes[i + 1]!, false, signal)
          await runPass(pass, stepRows, results, signal)
        }
        return chunks.map((chunk) => results.get(chunk)!)
      } catch (error) {
        // A request for rows may still be writing.
        memories = [reusedMemory(), reusedMemory()]
        failures++
        throw error
      } finally {
        underWay.resolve()
        underWay = undefined
      }
    },
    copy(from, to, length) {
      if (underWay) throw new StemkitError('conflict', 'decoder: a run is under way; await it first')
      const known = (slot: number): boolean => Number.isInteger(slot) && slot >= 0 && slot < slots
      if (!known(from) || !known(to) || !(length >= 0 && length <= cache.lengths[from]!)) {
        throw new StemkitError(
          'bad-input',
          `decoder: copy of ${length} tokens from slot ${from} to ${to}; there are ${slots} slots, and that one has ${cache.lengths[from] ?? 0} tokens`,
        )
      }
      stage?.forget(to, 0)
      cache.copy(from, to, length)
    },
    async dispose() {
      if (disposed) return
      disposed = true
      await underWay?.promise
      await closeAll()
    },
  }
  return { decoder, cache }
}

/** Memory that is used again and again, of as much as was wanted at most so far. */
function reusedMemory(): (length: number) => Float32Array {
  let array = new Float32Array(0)
  return (length) => {
    if (array.length < length) array = new Float32Array(length)
    return array.subarray(0, length)
  }
}

const wantedOf = (asked: Asked, length: number): number => (asked === 'all' ? length : asked === 'last' ? 1 : 0)

/** Writes rows into the arrays of a frame, one source after the other, where they are not there already. */
function spread({ blocks }: StepRows, tables: Readonly<Record<string, Float32Array>>): void {
  for (const [name, table] of Object.entries(tables)) {
    let offset = 0
    for (const block of blocks[name]!) {
      const isThere = block.buffer === table.buffer && block.byteOffset === table.byteOffset + 4 * offset
      if (!isThere) table.set(block, offset)
      offset += block.length
    }
  }
}

/** The rows of each table in one array, which is a source's own where there is only one. */
function joined({ blocks, count }: StepRows, tables: ReadonlyMap<string, number>): Record<string, Float32Array> {
  return Object.fromEntries(
    [...tables].map(([name, width]) => {
      const parts = blocks[name]!
      if (parts.length === 1) return [name, parts[0]!]
      const whole = new Float32Array(count * width)
      spread({ blocks, count, inverse: new Int32Array(0) }, { [name]: whole })
      return [name, whole]
    }),
  )
}

/** @throws bad-input for scales of another number of layers or channels than the model has, or that are not above 0 */
function checkScales({ config, kvScales }: CreateDecoderOptions): void {
  const { layers, kvHeads, headDim } = config
  const fits = (scales: Float32Array): boolean =>
    scales.length === kvHeads * headDim && scales.every((scale) => scale > 0 && scale < Infinity)
  if (!kvScales || (kvScales.length === layers && kvScales.every(({ keys, values }) => fits(keys) && fits(values))))
    return
  throw new StemkitError(
    'bad-input',
    `decoder: scales of keys and values in int8 are ${layers} layers of ${kvHeads * headDim} numbers above 0; measure them with this model`,
  )
}

/** What the graph holds, and the widths of the tables, which it does not. */
function sortWeights({ config, custom, weights }: CreateDecoderOptions) {
  const frozen: Record<string, FrozenWeight> = {}
  const tables = new Map<string, number>()
  for (const [name, { shape, role }] of listWeights(config, custom)) {
    if (role === 'table') {
      tables.set(name, shape[1]!)
      continue
    }
    const weight = weights.get(name)
    if (weight?.shape.join() !== shape.join()) {
      const found = weight ? `'${name}' is [${weight.shape.join(', ')}]` : `the weights have no '${name}'`
      throw new StemkitError('bad-input', `decoder: ${found}, but by the config it is [${shape.join(', ')}]`)
    }
    frozen[name] = weight
  }
  return { frozen, tables }
}
