import type { FrozenWeight } from '@stemkit/compile'
import type { ModelConfig } from '@stemkit/model'
import { cacheNames, cacheWidth } from '../step-graph.ts'
import { placeMatrix, type PlacedMatrix, type Take } from './place-matrix.ts'
import { bytesOf } from './structs.ts'

/** Tokens of one step at most: of more, the engine's kernels make more. */
export const MOST_TOKENS = 4

const CACHE_LINE = 64
/** Phases of a layer that threads share out, each with a counter for each thread; the head has one more. */
const PHASES = 7

export interface LayoutOptions {
  readonly config: ModelConfig
  readonly weights: Readonly<Record<string, FrozenWeight>>
  /** Sequences whose keys and values have room, and tokens of each. */
  readonly places: number
  readonly capacity: number
  /** Whether keys and values are int8. */
  readonly isSmallCache: boolean
  /** Widths of the tables by name. */
  readonly tables: ReadonlyMap<string, number>
  readonly threads: number
}

export type Layout = ReturnType<typeof layOut>

/** Addresses of everything that the threads read and write, and how many bytes that is. */
export function layOut(options: LayoutOptions) {
  const { config, weights, places, capacity, isSmallCache, tables, threads } = options
  const { layers, dim, heads, kvHeads, headDim, ffnHidden, vocabSize } = config
  const width = cacheWidth(headDim)
  let used = CACHE_LINE
  const take: Take = (bytes) => {
    const at = used
    used += Math.ceil(bytes / CACHE_LINE) * CACHE_LINE
    return at
  }
  const floats = (length: number): number => take(4 * length)
  const times = <T>(count: number, make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i))
  /** A struct, and the matrix that it says where to find. */
  const matrix = (name: string): { readonly at: number; readonly placed: PlacedMatrix } => ({
    at: take(bytesOf('Matrix')),
    placed: placeMatrix(weights[name]!, take),
  })
  const counterBytes = (layers * PHASES + 1) * threads * CACHE_LINE
  const rowFloats = MOST_TOKENS * [...tables.values()].reduce((sum, each) => sum + each, 0)
  const widest = Math.max(dim, heads * headDim, ffnHidden)

  return {
    program: take(bytesOf('Program')),
    layerStructs: take(layers * bytesOf('Layer')),
    sequences: take(MOST_TOKENS * bytesOf('Sequence')),
    scratchStructs: take(threads * bytesOf('Scratch')),
    counters: { at: take(counterBytes), length: counterBytes / 4 },
    arrivals: take(CACHE_LINE),
    layers: times(layers, (layer) => {
      const at = `model.layers.${layer}`
      const table = `${at}.mlp.stem_table.weight`
      const names = cacheNames(layer)
      const cacheBytes = places * kvHeads * capacity * width * (isSmallCache ? 1 : 4)
      return {
        attentionNorm: floats(dim),
        query: matrix(`${at}.self_attn.q_proj.weight`),
        key: matrix(`${at}.self_attn.k_proj.weight`),
        value: matrix(`${at}.self_attn.v_proj.weight`),
        output: matrix(`${at}.self_attn.o_proj.weight`),
        feedForwardNorm: floats(dim),
        gate: matrix(`${at}.mlp.gate_proj.weight`),
        up: tables.has(table) ? undefined : matrix(`${at}.mlp.up_proj.weight`),
        down: matrix(`${at}.mlp.down_proj.weight`),
        table: tables.has(table) ? table : undefined,
        names,
        keys: take(cacheBytes),
        values: take(cacheBytes),
        keyScales: floats(kvHeads * width),
        valueScales: floats(kvHeads * width),
        rows: take(4 * MOST_TOKENS),
      }
    }),
    norm: floats(dim),
    head: matrix('lm_head.weight'),
    cosines: floats(capacity * headDim),
    sines: floats(capacity * headDim),
    state: floats(MOST_TOKENS * dim),
    queries: floats(MOST_TOKENS * heads * headDim),
    keys: floats(MOST_TOKENS * kvHeads * headDim),
    values: floats(MOST_TOKENS * kvHeads * headDim),
    attended: floats(MOST_TOKENS * heads * headDim),
    gated: floats(MOST_TOKENS * ffnHidden),
    logits: floats(MOST_TOKENS * vocabSize),
    /** Where rows may be gathered, and where those go that were gathered elsewhere. */
    tableRows: [floats(rowFloats), floats(rowFloats)] as const,
    copiedRows: floats(rowFloats),
    scratch: times(threads, () => ({
      inputs: floats(MOST_TOKENS * widest),
      codes: take(2 * MOST_TOKENS * widest),
      units: floats(MOST_TOKENS * Math.ceil(widest / 16)),
      offsets: floats(MOST_TOKENS * Math.ceil(widest / 16)),
      tile: floats(MOST_TOKENS * 8),
      otherTile: floats(MOST_TOKENS * 8),
      scores: floats(capacity + 8),
      query: take(2 * width),
      shares: take(2 * (capacity + 8)),
      first: 0,
      end: 0,
      helped: 0,
      ahead: 0,
      aheadEnd: 0,
      seen: 0,
      low4: 0x0f0f0f0f,
    })),
    get bytes() {
      return used
    },
  }
}
