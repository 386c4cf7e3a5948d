import type { FrozenWeight } from '@stemkit/compile'
import type { ModelConfig } from '@stemkit/model'
import { createArena, type SpawnWorker } from '@stemkit/threads'
import { plainModule, sharedModule } from '../../../generated/step-wasm.ts'
import { floatsOf } from '../../floats-of.ts'
import type { KvArray, KvScales } from '../kv-cache.ts'
import { cacheWidth } from '../step-graph.ts'
import type { StepRows } from '../step-rows.ts'
import { ownThread, startThreads } from './crew.ts'
import { layOut, MOST_TOKENS, type Layout } from './layout.ts'
import type { PlacedMatrix } from './pack-matrix.ts'
import { readRow } from './read-row.ts'
import { bytesOf, writeStruct } from './structs.ts'

/** Tokens of one sequence that are new, and where it has its keys and values. */
export interface StepSequence {
  readonly place: number
  /** Of the first of them. */
  readonly position: number
  readonly ids: Int32Array
}

/** Threads that compute steps of a few tokens, whose memory holds the model's matrices and all keys and values. */
export interface StepThreads {
  /** Tokens of one step at most. */
  readonly mostTokens: number
  /** By the names of the graph, the caches of all places. */
  readonly caches: ReadonlyMap<string, KvArray>
  /** Memory for the rows of a step, which need not be copied if they are gathered there. */
  readonly rowMemory: Float32Array
  /** @returns logits [tokens, V], in memory that the next step uses again */
  run(sequences: readonly StepSequence[], rows: StepRows): Promise<Float32Array>
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
  const rowMemory = floatsAt(memory, layout.tableRows, MOST_TOKENS * sum(tables.values()))
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
    for (const name of tables.keys()) {
      for (const block of blocks[name]!) if (block.buffer === buffer) free += block.length
    }
    for (const { table, at } of rowAddresses) {
      if (table === undefined) continue
      const starts: number[] = []
      const rowWidth = tables.get(table)!
      for (const block of blocks[table]!) {
        let start = block.byteOffset
        if (block.buffer !== buffer) {
          rowMemory.set(block, free)
          start = rowMemory.byteOffset + 4 * free
          free += block.length
        }
        for (let i = 0; i < block.length / rowWidth; i++) starts.push(start + 4 * i * rowWidth)
      }
      for (let t = 0; t < tokens; t++) at[t] = starts[inverse[t]!]!
    }
  }

  return {
    mostTokens: MOST_TOKENS,
    caches: new Map(caches),
    rowMemory,
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

/** Everything that stays as it is: matrices, norms, scales, the tables of the rotary embedding, and the structs that point to them. */
function writeModel(
  memory: WebAssembly.Memory,
  layout: Layout,
  { config, weights, capacity, scales }: OpenStepThreadsOptions,
) {
  const { dim, headDim, kvHeads, ropeTheta } = config
  const width = cacheWidth(headDim)
  const put = (address: number, values: Float32Array): void => floatsAt(memory, address, values.length).set(values)
  const putMatrix = ({ at, placed }: { readonly at: number; readonly placed: PlacedMatrix }): number => {
    placed.write(memory)
    writeStruct(memory, 'Matrix', at, placed.struct)
    return at
  }
  const putGain = (address: number, name: string): number => {
    put(address, floatsOf(weights[name]!).subarray(0, dim))
    return address
  }
  layout.layers.forEach((layer, i) => {
    const { query, key, value, output, gate, up, down } = layer
    writeStruct(memory, 'Layer', layout.layerStructs + i * bytesOf('Layer'), {
      attentionNorm: putGain(layer.attentionNorm, `model.layers.${i}.input_layernorm.weight`),
      query: putMatrix(query),
      key: putMatrix(key),
      value: putMatrix(value),
      output: putMatrix(output),
      feedForwardNorm: putGain(layer.feedForwardNorm, `model.layers.${i}.post_attention_layernorm.weight`),
      gate: putMatrix(gate),
      up: up ? putMatrix(up) : 0,
      down: putMatrix(down),
      keys: layer.keys,
      values: layer.values,
      keyScales: layer.keyScales,
      valueScales: layer.valueScales,
      rows: layer.rows,
    })
    for (let head = 0; head < kvHeads; head++) {
      const own = (all: Float32Array): Float32Array => all.subarray(head * headDim, (head + 1) * headDim)
      if (scales) put(layer.keyScales + 4 * head * width, own(scales[i]!.keys))
      if (scales) put(layer.valueScales + 4 * head * width, own(scales[i]!.values))
    }
  })
  putGain(layout.norm, 'model.norm.weight')
  putMatrix(layout.head)
  layout.scratch.forEach((scratch, i) => {
    writeStruct(memory, 'Scratch', layout.scratchStructs + i * bytesOf('Scratch'), scratch)
  })
  const pairs = headDim / 2
  const angles = Float64Array.from(
    { length: capacity * pairs },
    (_, i) => Math.floor(i / pairs) * ropeTheta ** ((-2 * (i % pairs)) / headDim),
  )
  put(layout.cosines, Float32Array.from(angles, Math.cos))
  put(layout.sines, Float32Array.from(angles, Math.sin))
}

interface StepSize {
  readonly threads: number
  readonly tokens: number
  readonly sequences: number
}

function writeProgram(
  memory: WebAssembly.Memory,
  layout: Layout,
  { config, capacity, scales }: OpenStepThreadsOptions,
  { threads, tokens, sequences }: StepSize,
): void {
  const { layers, dim, heads, kvHeads, headDim, ffnHidden, vocabSize, normEps } = config
  const { norm, head, cosines, sines, state, queries, keys, values, attended, gated, logits, arrivals } = layout
  writeStruct(memory, 'Program', layout.program, {
    ...{ threads, tokens, sequences, layers, dim, heads, kvHeads, headDim, capacity },
    cacheWidth: cacheWidth(headDim),
    isSmallCache: scales ? 1 : 0,
    hidden: ffnHidden,
    vocabulary: vocabSize,
    epsilon: normEps,
    layer: layout.layerStructs,
    sequence: layout.sequences,
    scratch: layout.scratchStructs,
    ...{ norm, cosines, sines, state, queries, keys, values, attended, gated, logits, arrivals },
    head: head.at,
    counters: layout.counters.at,
  })
}

/**
 * Why such a model cannot be computed by the threads, if so: other feed-forwards than dense and STEM, packed blocks that the
 * kernels do not know, a platform without relaxed SIMD, more memory than 32 bits address.
 */
export function unsupportedByThreads(options: OpenStepThreadsOptions): string | undefined {
  const { config, weights, threads, scales } = options
  const other = config.feedForwards.find((kind) => kind !== 'dense' && kind !== 'stem')
  if (other !== undefined) return `feed-forwards of kind '${other}'`
  for (const [name, weight] of Object.entries(weights)) {
    if (!('bits' in weight) || name === 'model.embed_tokens.weight') continue
    const least = weight.bits === 4 ? 32 : 16
    if (weight.block < least) return `'${name}' in blocks of ${weight.block}`
  }
  for (const layer of config.feedForwards.keys()) {
    const [gate, up] = ['gate', 'up'].map((name) => weights[`model.layers.${layer}.mlp.${name}_proj.weight`])
    if (gate && up && formOf(gate) !== formOf(up)) return `gate and up projections of different types in layer ${layer}`
  }
  if (!WebAssembly.validate(fromBase64(plainModule))) return 'a platform without relaxed SIMD in WebAssembly'
  const { bytes } = layOut({ ...options, threads: Math.max(1, threads), isSmallCache: scales !== undefined })
  return bytes > 2 ** 32 ? `${(bytes / 2 ** 30).toFixed(1)} GB of matrices, keys and values` : undefined
}

const formOf = (weight: FrozenWeight): string =>
  'bits' in weight ? `${weight.bits} ${weight.block}` : weight.data instanceof Uint16Array ? 'half' : 'single'

const fromBase64 = (text: string): Uint8Array<ArrayBuffer> => Uint8Array.from(atob(text), (char) => char.charCodeAt(0))
