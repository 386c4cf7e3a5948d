import type { FrozenWeight } from '@stemkit/compile'
import type { ModelConfig } from '@stemkit/model'
import { createArena, fromBase64, type SpawnWorker } from '@stemkit/threads'
import { plainModule, sharedModule } from '../../../generated/step-wasm.ts'
import type { KvArray, KvScales } from '../kv-cache.ts'
import { cacheWidth } from '../step-graph.ts'
import type { StepRows } from '../step-rows.ts'
import { ownThread, startThreads } from './crew.ts'
import { layOut, MOST_TOKENS } from './layout.ts'
import { readRow } from './read-row.ts'
import { bytesOf, writeStruct } from './structs.ts'
import { mostTokensOf } from './suitability.ts'
import { writeModel, writeProgram } from './write-model.ts'

/** Tokens of one sequence that are new, and where it has its keys and values. */
export interface StepSequence {
  readonly place: number
  /** Of the first of them. */
  readonly position: number
  readonly ids: Int32Array
}

/** Threads that compute steps of a few tokens, whose memory holds the model's matrices and all keys and values. */
export interface StepThreads {
  /** Tokens of one step up to which they are faster than the engine; more than that are not run. */
  readonly mostTokens: number
  /** By the names of the graph, the caches of all places. */
  readonly caches: ReadonlyMap<string, KvArray>
  /** Memories for the rows of a step, which need not be copied if they are gathered there. */
  readonly rowMemories: readonly [Float32Array, Float32Array]
  /** @returns logits [tokens, V], in memory that the next step uses again */
  run(sequences: readonly StepSequence[], rows: StepRows): Promise<Float32Array>
  /** Not during a step. */
  dispose(): Promise<void>
}

export interface OpenStepThreadsOptions {
  readonly config: ModelConfig
  /** All but the tables. The embedding is read where it is. */
  readonly weights: Readonly<Record<string, FrozenWeight>>
  readonly tables: ReadonlyMap<string, number>
  readonly places: number
  readonly capacity: number
  readonly scales?: KvScales | undefined
  /** Threads beside the calling one; 0 computes on that. */
  readonly threads: number
  readonly spawn: SpawnWorker
}

/** @throws unsupported if it takes more than 4 GB, or a thread cannot start */
export async function openStepThreads(options: OpenStepThreadsOptions): Promise<StepThreads> {
  const { config, weights, tables, scales, spawn } = options
  const isShared = options.threads > 0 && typeof SharedArrayBuffer !== 'undefined'
  const threads = isShared ? options.threads : 1
  const layout = layOut({ ...options, threads, isSmallCache: scales !== undefined })
  const { memory } = createArena(layout.bytes, { shared: isShared, what: 'memory of the decoder' })
  const { buffer } = memory
  const module = await WebAssembly.compile(fromBase64(isShared ? sharedModule : plainModule))
  writeModel(memory, layout, options)
  const crewOptions = { module, memory, program: layout.program }
  const crew = await (isShared ? startThreads(threads, spawn, crewOptions) : ownThread(crewOptions))

  const embedding = weights['model.embed_tokens.weight']!
  const { dim, vocabSize } = config
  const states = Array.from(
    { length: MOST_TOKENS },
    (_, t) => new Float32Array(buffer, layout.state + 4 * t * dim, dim),
  )
  const rowsAt = (address: number): Float32Array =>
    new Float32Array(buffer, address, MOST_TOKENS * sum(tables.values()))
  const copied = rowsAt(layout.copiedRows)
  const counters = new Int32Array(buffer, layout.counters.at, layout.counters.length)
  const arrivals = new Int32Array(buffer, layout.arrivals, 1)
  const rowAddresses = layout.layers.map(({ table, rows }) => ({
    table,
    at: new Uint32Array(buffer, rows, MOST_TOKENS),
  }))
  const width = cacheWidth(config.headDim)
  const cacheLength = options.places * config.kvHeads * options.capacity * width
  const CacheArray = scales ? Int8Array : Float32Array
  const caches = layout.layers.flatMap(({ names, keys, values }): [string, KvArray][] => [
    [names.keys, new CacheArray(buffer, keys, cacheLength)],
    [names.values, new CacheArray(buffer, values, cacheLength)],
  ])

  /** Where the threads find each token's row of each table. */
  function placeRows(tokens: number, { inverse, blocks }: StepRows): void {
    let free = 0
    for (const { table, at } of rowAddresses) {
      if (table === undefined) continue
      const starts: number[] = []
      const rowWidth = tables.get(table)!
      for (const block of blocks[table]!) {
        let start = block.byteOffset
        if (block.buffer !== buffer) {
          copied.set(block, free)
          start = copied.byteOffset + 4 * free
          free += block.length
        }
        for (let i = 0; i < block.length / rowWidth; i++) starts.push(start + 4 * i * rowWidth)
      }
      for (let t = 0; t < tokens; t++) at[t] = starts[inverse[t]!]!
    }
  }

  return {
    mostTokens: mostTokensOf(weights),
    caches: new Map(caches),
    rowMemories: [rowsAt(layout.tableRows[0]), rowsAt(layout.tableRows[1])],
    async run(sequences, rows) {
      let tokens = 0
      sequences.forEach(({ place, position, ids }, i) => {
        writeStruct(memory, 'Sequence', layout.sequences + i * bytesOf('Sequence'), {
          place,
          first: tokens,
          count: ids.length,
          position,
        })
        for (const id of ids) readRow(embedding, id, states[tokens++]!)
      })
      placeRows(tokens, rows)
      writeProgram(memory, layout, options, { threads, tokens, sequences: sequences.length })
      counters.fill(0)
      arrivals.fill(0)
      await crew.work()
      return floatsAt(memory, layout.logits, tokens * vocabSize)
    },
    dispose: () => crew.dismiss(),
  }
}

const sum = (numbers: Iterable<number>): number => [...numbers].reduce((total, each) => total + each, 0)

const floatsAt = ({ buffer }: WebAssembly.Memory, address: number, length: number): Float32Array =>
  new Float32Array(buffer, address, length)
