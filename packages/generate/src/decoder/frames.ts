import type { BoundRun, Program } from '@stemkit/compile'
import type { KvCache } from './kv-cache.ts'
import { after } from './step-graph.ts'

/** The shape of a step: B places from `first`, T tokens of each, R of B * T positions with logits. */
export interface FrameShape {
  readonly first: number
  readonly B: number
  readonly T: number
  readonly R: number
}

/** The arrays of a step, and its run over them. */
export interface Frame {
  readonly last: Int32Array
  readonly longest: Int32Array
  readonly ids: Int32Array
  readonly inverse: Int32Array
  readonly tokenExperts: Int32Array
  readonly at: Int32Array
  readonly tables: Readonly<Record<string, Float32Array>>
  /** [R, V] */
  readonly logits: Float32Array
  readonly bound: BoundRun
}

export interface FramesOptions {
  readonly program: Program
  readonly cache: KvCache
  readonly vocabSize: number
  /** Widths of the tables by name. */
  readonly tables: ReadonlyMap<string, number>
  /** Steps of up to this many positions come again: their frames are kept. */
  readonly smallSteps: number
}

/** Frames that are kept at most. Each has logits of its own, so a frame of 16 sequences takes 2 MB at 32,000 tokens. */
const KEPT = 32

/**
 * Frames of steps. Those of small steps are kept and share the memory of their rows, of which there is one for each
 * position at most, so that a step of a shape that was there before makes nothing.
 */
export function createFrames({ program, cache, vocabSize, tables, smallSteps }: FramesOptions) {
  const kept = new Map<string, Frame>()
  const width = [...tables.values()].reduce((sum, each) => sum + each, 0)
  const shared = new Float32Array(smallSteps * width)

  function make({ first, B, T, R }: FrameShape, rows: Readonly<Record<string, Float32Array>>): Frame {
    const caches = cache.view(first, B)
    const int32 = (length: number): Int32Array => new Int32Array(length)
    const inputs = {
      last: int32(B),
      longest: int32(1),
      ids: int32(B * T),
      inverse: int32(B * T),
      tokenExperts: int32(B * T),
      at: int32(R),
    }
    const logits = new Float32Array(R * vocabSize)
    const written = Object.fromEntries(Object.entries(caches).map(([name, array]) => [after(name), array]))
    const bound = program.bind({ ...inputs, ...caches, ...rows }, { logits, ...written })
    return { ...inputs, tables: rows, logits, bound }
  }

  return {
    isSmall: ({ B, T }: FrameShape): boolean => B * T <= smallSteps,
    small(shape: FrameShape): Frame {
      const key = `${shape.first} ${shape.B} ${shape.T} ${shape.R}`
      let frame = kept.get(key)
      kept.delete(key)
      if (!frame) {
        const count = shape.B * shape.T
        let offset = 0
        const rows = [...tables].map(([name, each]) => {
          const start = offset
          offset += count * each
          return [name, shared.subarray(start, offset)] as const
        })
        frame = make(shape, Object.fromEntries(rows))
      }
      kept.set(key, frame)
      const [oldest] = kept.keys()
      if (kept.size > KEPT) {
        kept.get(oldest!)!.bound.dispose()
        kept.delete(oldest!)
      }
      return frame
    },
    /**
     * The memory that small frames of `count` positions have their rows in, table after table, if that is what so many numbers are:
     * rows that are gathered there need not be copied.
     */
    rowMemory: (count: number, length: number): Float32Array | undefined =>
      length === count * width && count <= smallSteps ? shared.subarray(0, length) : undefined,
    /** To be disposed after its run. */
    large: make,
    dispose(): void {
      for (const { bound } of kept.values()) bound.dispose()
      kept.clear()
    },
  }
}
