import { StemkitError } from './errors.ts'
import type { RowGeometry } from './row-driver.ts'
import { unlessAborted } from './waiting.ts'

/** Version of this contract. */
export const ROW_CALLS_VERSION = 1

/**
 * What a driver promises about the ids and the buffer of a call.
 * @throws bad-input if `block` is not `ids.length * rowBytes` bytes, or the ids are not ascending, unique and below `rows`
 */
export function checkRows({ rows, rowBytes }: RowGeometry, ids: Uint32Array, block: Uint8Array): void {
  if (block.length !== ids.length * rowBytes) {
    throw new StemkitError('bad-input', `rows: ${block.length} bytes for ${ids.length} rows of ${rowBytes}`)
  }
  for (let i = 1; i < ids.length; i++) {
    if (ids[i]! <= ids[i - 1]!) {
      throw new StemkitError(
        'bad-input',
        `rows: row ${ids[i]} comes after row ${ids[i - 1]}, ids must be sorted and unique`,
      )
    }
  }
  const last = ids[ids.length - 1]
  if (last !== undefined && last >= rows) throw new StemkitError('bad-input', `rows: row ${last} is not one of ${rows}`)
}

/** Ids are 32-bit numbers. */
const MOST_ROWS = 2 ** 32

/**
 * What can be made or grown to, in a medium that holds rows of up to `mostRowBytes` bytes.
 * @throws bad-input, calling the rows what `where` says
 */
export function checkGeometry({ rows, rowBytes }: RowGeometry, where: string, mostRowBytes: number): void {
  if (!Number.isInteger(rowBytes) || rowBytes < 1 || rowBytes > mostRowBytes) {
    throw new StemkitError('bad-input', `${where}: rows of ${rowBytes} bytes, they may have 1 to ${mostRowBytes}`)
  }
  if (!Number.isInteger(rows) || rows < 0 || rows > MOST_ROWS) {
    throw new StemkitError('bad-input', `${where}: ${rows} rows, there may be 0 to ${MOST_ROWS}`)
  }
}

/** @throws bad-input if it is no name of a meta */
export function checkMetaName(name: string): void {
  if (!/^[a-z0-9][a-z0-9.-]*$/.test(name)) {
    throw new StemkitError(
      'bad-input',
      `meta: ${JSON.stringify(name)} is no name; it takes a-z, 0-9, '.' and '-', and starts with a letter or digit`,
    )
  }
}

/** What a call has to do with others. */
export interface Touches {
  /** Sorted. */
  readonly read?: Uint32Array
  /** Sorted. */
  readonly write?: Uint32Array
  readonly name?: string
  /** 'before': it waits for every call made before it, as a flush does. 'around': and all later ones wait for it. */
  readonly all?: 'before' | 'around'
}

export interface RowCalls {
  /**
   * Does `work` as soon as no call made earlier, and still under way, touches the same rows (one of the two writing) or the
   * same name: at once, then, if there is none. Rejects with the signal's reason if it aborts before the work is done;
   * the work itself should end early then, but not before it has let go of the caller's buffers.
   * Rejects with bad-input after `end`.
   */
  run<T>(touches: Touches, work: () => Promise<T> | T, signal?: AbortSignal): Promise<T>
  /** Refuses further calls and waits for those under way. */
  end(): Promise<void>
}

/** Keeps the calls of one driver in order where they touch the same rows, and lets all others overlap. */
export function rowCalls(): RowCalls {
  const underWay = new Map<Promise<void>, Touches>()
  let ended = false
  return {
    async run(touches, work, signal) {
      if (ended) throw new StemkitError('bad-input', 'rows: already disposed')
      signal?.throwIfAborted()
      const ahead = [...underWay].filter(([, earlier]) => waits(touches, earlier)).map(([settled]) => settled)
      let settle!: () => void
      const settled = new Promise<void>((resolve) => (settle = resolve))
      underWay.set(settled, touches)
      try {
        if (ahead.length > 0) await unlessAborted(Promise.all(ahead), signal)
        const result = await work()
        signal?.throwIfAborted()
        return result
      } finally {
        underWay.delete(settled)
        settle()
      }
    },
    async end() {
      ended = true
      await Promise.all(underWay.keys())
    },
  }
}

function waits(later: Touches, earlier: Touches): boolean {
  if (later.all !== undefined || earlier.all === 'around') return true
  if (later.name !== undefined && later.name === earlier.name) return true
  return meet(later.write, earlier.write) || meet(later.write, earlier.read) || meet(later.read, earlier.write)
}

/** Whether two sorted lists have an id in common. */
function meet(a: Uint32Array | undefined, b: Uint32Array | undefined): boolean {
  if (a === undefined || b === undefined) return false
  for (let i = 0, j = 0; i < a.length && j < b.length;) {
    if (a[i] === b[j]) return true
    if (a[i]! < b[j]!) i++
    else j++
  }
  return false
}
