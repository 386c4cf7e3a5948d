import type { BlockOptions } from '../../table/row-table.ts'
import type { RowSource } from '../cache-types.ts'

export interface SlowSourceOptions {
  readonly rows: number
  readonly rowBytes: number
  /** Numbers from 0 to below 1 that decide what takes how long and what fails. Default: nothing fails or waits. */
  readonly random?: () => number
  /** Turns of the event loop that a call takes at most. */
  readonly slowness?: number
  /** The share of calls that reject. */
  readonly failing?: () => number
  /** Whether it takes `at` and `stride`, so that the cache has it read into slots and write from them. */
  readonly takesAt?: boolean
}

/** Rows of one 32-bit number, repeated, in memory. */
export interface SlowSource extends Required<Omit<RowSource, 'takesAt'>>, Pick<RowSource, 'takesAt'> {
  readonly bytes: Uint8Array
  value(key: number): number
  /** What was asked of it, in order. */
  readonly reads: number[][]
  readonly writes: number[][]
}

/**
 * A source that takes its time, copies rows piece by piece while it does, fails now and then, with rows half done, and
 * notices when a row is in two calls at once, which a cache must not do.
 */
export function slowSource(options: SlowSourceOptions): SlowSource {
  const { rows, rowBytes, random = () => 0, slowness = 0, failing = () => 0, takesAt = false } = options
  const bytes = new Uint8Array(rows * rowBytes)
  const view = new DataView(bytes.buffer)
  const busy = new Map<number, 'read' | 'write'>()
  const reads: number[][] = []
  const writes: number[][] = []

  const pause = async (): Promise<void> => {
    for (let turns = Math.floor(random() * (slowness + 1)); turns > 0; turns--) await new Promise(setImmediate)
  }
  const call = async (
    verb: 'read' | 'write',
    keys: Uint32Array,
    block: Uint8Array,
    { at, stride = rowBytes, signal }: BlockOptions,
    copy: (outside: Uint8Array, inside: Uint8Array) => void,
  ): Promise<void> => {
    signal?.throwIfAborted()
    if (at !== undefined && !takesAt) throw new Error(`places ${at}, which it does not take`)
    if (at === undefined && block.length !== keys.length * rowBytes) {
      throw new Error(`${block.length} bytes for ${keys.length} rows`)
    }
    const copyPart = (i: number, key: number, from: number, to: number): void => {
      const start = (at?.[i] ?? i) * stride
      copy(block.subarray(start + from, start + to), bytes.subarray(key * rowBytes + from, key * rowBytes + to))
    }
    const mine = [...keys]
    ;(verb === 'read' ? reads : writes).push(mine)
    for (const [i, key] of mine.entries()) {
      if (i > 0 && key <= mine[i - 1]!) throw new Error(`keys out of order: ${mine.join(' ')}`)
      if (busy.has(key)) throw new Error(`row ${key} is in two calls at once`)
      busy.set(key, verb)
    }
    try {
      await pause()
      if (random() < failing() / 2) throw new Error(`${verb} failed before it began`)
      const half = rowBytes / 2
      for (const [i, key] of mine.entries()) copyPart(i, key, 0, half)
      await pause()
      if (random() < failing() / 2) throw new Error(`${verb} failed half-way`)
      // Some sources look at the signal, some do not.
      if (random() < 0.5) signal?.throwIfAborted()
      for (const [i, key] of mine.entries()) copyPart(i, key, half, rowBytes)
      await pause()
    } finally {
      for (const key of mine) busy.delete(key)
    }
  }

  return {
    rows,
    rowBytes,
    bytes,
    reads,
    writes,
    value: (key) => view.getUint32(key * rowBytes, true),
    ...(takesAt && { takesAt }),
    read: (keys, into, how = {}) => call('read', keys, into, how, (slot, row) => slot.set(row)),
    write: (keys, from, how = {}) => call('write', keys, from, how, (slot, row) => row.set(slot)),
  }
}
