import type { ModelConfig } from '@stemkit/model'
import type { KvArray, KvCache, KvScales } from './kv-cache.ts'
import { cacheNames, cacheWidth } from './step-graph.ts'

/**
 * The keys and values of one slot in float32, beside a cache in int8: attention of many new tokens is three times as fast over
 * them. It always holds the numbers that the cache stands for, so what is computed does not depend on which slot was here before.
 */
export interface Stage {
  /** Brings the first `length` tokens of a slot here. */
  open(slot: number, length: number): void
  /** Rounds tokens `from` to `to`, which are new here, into the cache. */
  close(slot: number, from: number, to: number): void
  /** The cache's tokens of a slot from `length` on are others now. */
  forget(slot: number, length: number): void
}

export interface StageOptions {
  readonly config: Pick<ModelConfig, 'layers' | 'kvHeads' | 'headDim'>
  /** In int8. */
  readonly cache: KvCache
  /** In float32, of one slot. */
  readonly wide: KvCache
  readonly scales: KvScales
}

/** Added to a number of up to 2^51 and taken away again, it leaves the nearest whole number, halves to even. */
const ROUND = 1.5 * 2 ** 52

export function createStage({ config, cache, wide, scales }: StageOptions): Stage {
  const { kvHeads, headDim } = config
  const width = cacheWidth(headDim)
  const parts = scales.flatMap(({ keys, values }, layer) => {
    const names = cacheNames(layer)
    return [
      { name: names.keys, scales: padded(keys, headDim, width) },
      { name: names.values, scales: padded(values, headDim, width) },
    ]
  })
  let holds = -1
  let held = 0

  const each = (slot: number, from: number, to: number, copy: Copy): void => {
    for (const part of parts) {
      for (let head = 0; head < kvHeads; head++) {
        const codes = cache.tokens(part.name, slot, head, from, to)
        copy(codes, wide.tokens(part.name, 0, head, from, to), part.scales.subarray(head * width, (head + 1) * width))
      }
    }
  }

  return {
    open(slot, length) {
      const from = holds === slot ? Math.min(held, length) : 0
      if (from < length) each(slot, from, length, widen)
      holds = slot
      held = length
    },
    close(slot, from, to) {
      each(slot, from, to, round)
      held = to
    },
    forget(slot, length) {
      if (slot === holds) held = Math.min(held, length)
    },
  }
}

/** Scales [G, hd] as [G, w]; of what is behind a head, 1. */
function padded(scales: Float32Array, headDim: number, width: number): Float32Array {
  const all = new Float32Array((scales.length / headDim) * width).fill(1)
  scales.forEach((scale, i) => (all[Math.floor(i / headDim) * width + (i % headDim)] = scale))
  return all
}

type Copy = (codes: KvArray, wide: KvArray, scales: Float32Array) => void

/** Codes [n, w] -> what they stand for. */
function widen(codes: KvArray, wide: KvArray, scales: Float32Array): void {
  const { length: width } = scales
  for (let at = 0; at < codes.length; at += width) {
    for (let c = 0; c < width; c++) wide[at + c] = codes[at + c]! * scales[c]!
  }
}

/** Numbers [n, w] -> the nearest codes, and what these stand for in their place. */
function round(codes: KvArray, wide: KvArray, scales: Float32Array): void {
  const { length: width } = scales
  const inverse = scales.map((scale) => 1 / scale)
  for (let at = 0; at < codes.length; at += width) {
    for (let c = 0; c < width; c++) {
      const nearest = wide[at + c]! * inverse[c]! + ROUND - ROUND
      const code = nearest > 127 ? 127 : nearest < -128 ? -128 : nearest
      codes[at + c] = code
      wide[at + c] = code * scales[c]!
    }
  }
}
