import type { RowDriver, RowOptions } from '@stemkit/spec/row-driver'
import type { Layer } from './layered-rows-layer.ts'

export interface LayerStats {
  /** Rows that reads took from this layer. */
  readonly read: number
  /** Rows that were copied into it, from below or as they were written. */
  readonly filled: number
  /** Rows that could not be: its disk is full, say. They are read from below. */
  readonly unfilled: number
}

export interface LayeredReading {
  /** Takes each row from the first layer that holds it, and copies it into those above. */
  read(ids: Uint32Array, into: Uint8Array, io: RowOptions): Promise<void>
  /** Copies rows into a layer. If that fails it does not hold them, and all else goes on. */
  fill(layer: Layer, ids: Uint32Array, from: Uint8Array, io: RowOptions): Promise<void>
  stats(): readonly LayerStats[]
}

export function layeredReading(
  layers: readonly Layer[],
  base: RowDriver,
  holds: (layer: Layer, row: number) => boolean,
): LayeredReading {
  const drivers = [...layers.map(({ driver }) => driver), base]
  const { rowBytes } = base
  const stats = drivers.map(() => ({ read: 0, filled: 0, unfilled: 0 }))

  const fill: LayeredReading['fill'] = async (layer, ids, from, io) => {
    const counts = stats[layers.indexOf(layer)]!
    try {
      await layer.driver.write(ids, from, io)
    } catch {
      io.signal?.throwIfAborted()
      counts.unfilled += ids.length
      return
    }
    layer.presence.add(ids)
    counts.filled += ids.length
  }

  /** For each row the layer to take it from. */
  const sources = (ids: Uint32Array): Uint8Array => {
    const from = new Uint8Array(ids.length)
    for (let i = 0; i < ids.length; i++) {
      let at = 0
      while (at < layers.length && !holds(layers[at]!, ids[i]!)) at++
      from[i] = at
    }
    return from
  }

  return {
    async read(ids, into, io) {
      const from = sources(ids)
      await allSettled(
        drivers.map(async (driver, at) => {
          const some = positions(from, at, at)
          if (some.length === 0) return
          stats[at]!.read += some.length
          if (some.length === ids.length) {
            await driver.read(ids, into, io)
            return
          }
          const block = new Uint8Array(some.length * rowBytes)
          await driver.read(pick(ids, some), block, io)
          some.forEach((place, i) => into.set(block.subarray(i * rowBytes, (i + 1) * rowBytes), place * rowBytes))
        }),
      )
      for (let at = layers.length - 1; at >= 0; at--) {
        const some = positions(from, at + 1, layers.length)
        if (some.length === 0) continue
        if (some.length === ids.length) {
          await fill(layers[at]!, ids, into, io)
          continue
        }
        const block = new Uint8Array(some.length * rowBytes)
        some.forEach((place, i) => block.set(into.subarray(place * rowBytes, (place + 1) * rowBytes), i * rowBytes))
        await fill(layers[at]!, pick(ids, some), block, io)
      }
    },
    fill,
    stats: () => stats.map((each) => ({ ...each })),
  }
}

/** Rejects with the first failure, once all have settled and nobody touches a buffer any more. */
export async function allSettled(work: readonly Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(work)) if (result.status === 'rejected') throw result.reason
}

/** Where the rows are that come from layers `first` to `last`. */
function positions(from: Uint8Array, first: number, last: number): Uint32Array {
  const found = new Uint32Array(from.length)
  let count = 0
  for (let i = 0; i < from.length; i++) if (from[i]! >= first && from[i]! <= last) found[count++] = i
  return found.subarray(0, count)
}

const pick = (ids: Uint32Array, places: Uint32Array): Uint32Array => places.map((place) => ids[place]!)
