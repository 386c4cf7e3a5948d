import type { ModelConfig } from '@stemkit/model'
import { cacheNames, cacheWidth } from './step-graph.ts'

/**
 * Keys and values of all slots, [places, G, C, w] for each layer. A step runs over places next to each other, so the slots of
 * a batch are brought together: slots have places, which change.
 */
export interface KvCache {
  /** Tokens of each slot that count. */
  readonly lengths: Int32Array
  /** Brings slots next to each other and returns the first of their places, in some order. */
  gather(slots: readonly number[]): number
  placeOf(slot: number): number
  /** Tokens that count at a place. */
  lengthAt(place: number): number
  /** By name, the caches of `count` places from `first`, as they lie. */
  view(first: number, count: number): Record<string, KvArray>
  /** Of one array: the numbers [n, w] of a slot's head from token `from` to `to`, as they lie. */
  tokens(name: string, slot: number, head: number, from: number, to: number): KvArray
  /** Makes the first `length` tokens of `to` those of `from`. */
  copy(from: number, to: number, length: number): void
}

/** What a unit of one layer's keys and values in int8 stands for, by head and channel [G * hd]. */
export interface LayerScales {
  readonly keys: Float32Array
  readonly values: Float32Array
}

/** Of each layer. */
export type KvScales = readonly LayerScales[]

export type KvArray = Float32Array | Int8Array

export interface KvCacheOptions {
  readonly config: Pick<ModelConfig, 'layers' | 'kvHeads' | 'headDim'>
  readonly places: number
  /** Tokens that a place holds, C. */
  readonly capacity: number
  /** Default 'float32'. */
  readonly dtype?: 'float32' | 'int8' | undefined
  /** Where they lie, by name, zeroed. Default: new memory. */
  readonly arrays?: ReadonlyMap<string, KvArray> | undefined
}

export function createKvCache(options: KvCacheOptions): KvCache {
  const { config, places, capacity, dtype } = options
  const { layers, kvHeads, headDim } = config
  const width = cacheWidth(headDim)
  const size = kvHeads * capacity * width
  const make = (length: number): KvArray => (dtype === 'int8' ? new Int8Array(length) : new Float32Array(length))
  const names = Array.from({ length: layers }, (_, layer) => Object.values(cacheNames(layer))).flat()
  const arrays = options.arrays ?? new Map(names.map((name) => [name, make(places * size)]))
  const lengths = new Int32Array(places)
  const placeOf = Int32Array.from({ length: places }, (_, i) => i)
  const slotAt = placeOf.slice()
  const spare = make(capacity * width)

  /** Calls `each` with the offsets of every head of two places. */
  const heads = (a: number, b: number, each: (array: KvArray, a: number, b: number) => void): void => {
    for (const array of arrays.values()) {
      for (let head = 0; head < kvHeads; head++) {
        const offset = head * capacity * width
        each(array, a * size + offset, b * size + offset)
      }
    }
  }

  function swap(a: number, b: number): void {
    const [slotA, slotB] = [slotAt[a]!, slotAt[b]!]
    const [fromA, fromB] = [lengths[slotA]! * width, lengths[slotB]! * width]
    heads(a, b, (array, atA, atB) => {
      if (fromB > 0) spare.set(array.subarray(atB, atB + fromB))
      array.copyWithin(atB, atA, atA + fromA)
      if (fromB > 0) array.set(spare.subarray(0, fromB), atA)
    })
    slotAt[a] = slotB
    slotAt[b] = slotA
    placeOf[slotA] = b
    placeOf[slotB] = a
  }

  /** Where `count` places next to each other hold most of the wanted tokens, which then need not be moved. */
  function bestWindow(wanted: ReadonlySet<number>, count: number): number {
    let best = 0
    let most = -1
    for (let first = 0; first + count <= places; first++) {
      let there = 0
      for (let place = first; place < first + count; place++) {
        const slot = slotAt[place]!
        if (wanted.has(slot)) there += 1 + lengths[slot]!
      }
      if (there > most) [best, most] = [first, there]
    }
    return best
  }

  return {
    lengths,
    gather(slots) {
      const { length } = slots
      const low = Math.min(...slots.map((slot) => placeOf[slot]!))
      const high = Math.max(...slots.map((slot) => placeOf[slot]!))
      if (high - low + 1 === length) return low
      const wanted = new Set(slots)
      const first = bestWindow(wanted, length)
      const inside = (place: number): boolean => place >= first && place < first + length
      const outside = slots.filter((slot) => !inside(placeOf[slot]!))
      for (let place = first; place < first + length; place++) {
        if (!wanted.has(slotAt[place]!)) swap(placeOf[outside.pop()!]!, place)
      }
      return first
    },
    placeOf: (slot) => placeOf[slot]!,
    lengthAt: (place) => lengths[slotAt[place]!]!,
    view: (first, count) =>
      Object.fromEntries(
        [...arrays].map(([name, array]) => [name, array.subarray(first * size, (first + count) * size)]),
      ),
    tokens(name, slot, head, from, to) {
      const start = placeOf[slot]! * size + head * capacity * width
      return arrays.get(name)!.subarray(start + from * width, start + to * width)
    },
    copy(from, to, length) {
      if (from !== to) {
        heads(placeOf[from]!, placeOf[to]!, (array, atFrom, atTo) => {
          array.copyWithin(atTo, atFrom, atFrom + length * width)
        })
      }
      lengths[to] = length
    },
  }
}
