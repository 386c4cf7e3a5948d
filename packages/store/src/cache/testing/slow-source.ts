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
}

/** Rows of one 32-bit number, repeated, in memory. */
export interface SlowSource extends Required<RowSource> {
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
  const { rows, rowBytes, random = () => 0, slowness = 0, failing = () => 0 } = options
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
    length: number,
    copy: (row: number, key: number, from: number, to: number) => void,
    signal: AbortSignal | undefined,
  ): Promise<void> => {
    signal?.throwIfAborted()
    if (length !== keys.length * rowBytes) throw new Error(`${length} bytes for ${keys.length} rows`)
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
      for (const [i, key] of mine.entries()) copy(i, key, 0, half)
      await pause()
      if (random() < failing() / 2) throw new Error(`${verb} failed half-way`)
      // Some sources look at the signal, some do not.
      if (random() < 0.5) signal?.throwIfAborted()
      for (const [i, key] of mine.entries()) copy(i, key, half, rowBytes)
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
    read: (keys, into, { signal } = {}) =>
      call(
        'read',
        keys,
        into.length,
        (i, key, from, to) => into.set(bytes.subarray(key * rowBytes + from, key * rowBytes + to), i * rowBytes + from),
        signal,
      ),
    write: (keys, data, { signal } = {}) =>
      call(
        'write',
        keys,
        data.length,
        (i, key, from, to) => bytes.set(data.subarray(i * rowBytes + from, i * rowBytes + to), key * rowBytes + from),
        signal,
      ),
  }
}
