import { StemkitError } from '../../errors.ts'
import { checkMetaName, checkRows, rowCalls, type Touches } from '../../row-calls.ts'
import type { Durability, Meta, RowDriver, RowGeometry } from '../../row-driver.ts'

/** What the drivers of the same rows share: what they work on, and what has been flushed. */
export interface Medium {
  rows: number
  bytes: Uint8Array
  metas: Map<string, Meta>
  puts: number
  openers: number
  holder: object | undefined
  kept: { rows: number; bytes: Uint8Array; metas: Map<string, Meta> }
}

/** What may be wrong inside a driver; the rest can be broken from outside. */
export interface Quirks {
  /** Which other calls a call waits for. */
  readonly touches?: (touches: Touches) => Touches
  /** What it hears of its signal. */
  readonly signal?: (signal: AbortSignal | undefined, verb: 'read' | 'write' | 'other') => AbortSignal | undefined
  /** Whether a call that aborts rejects at once, while its work goes on. */
  readonly hasty?: true
  readonly unchecked?: true
  readonly durability?: Durability
  readonly write?: (medium: Medium, ids: Uint32Array, from: Uint8Array, rowBytes: number) => Promise<void>
  readonly put?: (medium: Medium, put: () => string) => Promise<string>
  readonly flush?: (medium: Medium) => void
  readonly lock?: (medium: Medium, take: () => void) => Promise<void>
  readonly leavesLock?: true
}

export type SlowRows = Required<RowDriver> & {
  readonly meta: Required<NonNullable<RowDriver['meta']>>
  readonly medium: Medium
}

export const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

export function newMedium({ rows, rowBytes }: RowGeometry): Medium {
  const fresh = (): Medium['kept'] => ({ rows, bytes: new Uint8Array(rows * rowBytes), metas: new Map() })
  return { ...fresh(), puts: 0, openers: 0, holder: undefined, kept: fresh() }
}

/**
 * Rows that are read and written in two halves with other work between, on a medium that several drivers share, and that
 * forgets what was not flushed when its last driver is disposed. It is correct, unless it is told not to be: the driver
 * that the conformance suite itself is tested with.
 */
export function slowRows(rowBytes: number, medium: Medium, quirks: Quirks = {}): SlowRows {
  const calls = rowCalls()
  const me = {}
  const half = Math.ceil(rowBytes / 2)
  let disposed = false
  medium.openers++

  const run = async <T>(
    verb: 'read' | 'write' | 'other',
    touches: Touches,
    work: () => Promise<T>,
    heard: AbortSignal | undefined,
  ): Promise<T> => {
    const signal = quirks.signal ? quirks.signal(heard, verb) : heard
    const call = calls.run(quirks.touches ? quirks.touches(touches) : touches, work, quirks.hasty ? undefined : signal)
    if (!quirks.hasty || signal === undefined) return call
    signal.throwIfAborted()
    call.catch(() => undefined)
    return Promise.race([
      call,
      new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
    ])
  }

  /** Moves the bytes from `from` to `to` of each row. */
  const move = (
    ids: Uint32Array,
    [from, to]: readonly [number, number],
    copy: (place: Uint8Array, at: number) => void,
  ): void => {
    ids.forEach((id, i) => copy(medium.bytes.subarray(id * rowBytes + from, id * rowBytes + to), i * rowBytes + from))
  }

  const inHalves = async (ids: Uint32Array, copy: (place: Uint8Array, at: number) => void): Promise<void> => {
    await tick()
    move(ids, [0, half], copy)
    await tick()
    move(ids, [half, rowBytes], copy)
    await tick()
  }

  const write =
    quirks.write ?? ((_, ids, from) => inHalves(ids, (place, at) => place.set(from.subarray(at, at + place.length))))

  return {
    medium,
    get rows() {
      return medium.rows
    },
    rowBytes,
    durability: quirks.durability ?? 'process',
    where: 'slow rows',

    async read(ids, into, { signal } = {}) {
      if (!quirks.unchecked) checkRows({ rows: medium.rows, rowBytes }, ids, into)
      await run('read', { read: ids }, () => inHalves(ids, (place, at) => into.set(place, at)), signal)
    },
    async write(ids, from, { signal } = {}) {
      if (!quirks.unchecked) checkRows({ rows: medium.rows, rowBytes }, ids, from)
      await run('write', { write: ids }, () => write(medium, ids, from, rowBytes), signal)
    },
    async resize(rows, { signal } = {}) {
      if (!Number.isInteger(rows)) throw new StemkitError('bad-input', `slow rows: cannot resize to ${rows} rows`)
      const grow = async (): Promise<void> => {
        if (rows < medium.rows) throw new StemkitError('bad-input', `slow rows: ${rows} rows are fewer than there are`)
        await tick()
        const bytes = new Uint8Array(rows * rowBytes)
        bytes.set(medium.bytes)
        medium.bytes = bytes
        medium.rows = rows
      }
      await run('other', { all: 'around' }, grow, signal)
    },

    meta: {
      async get(name, { signal } = {}) {
        checkMetaName(name)
        const get = async (): Promise<Meta | undefined> => {
          await tick()
          const meta = medium.metas.get(name)
          return meta && { ...meta, bytes: meta.bytes.slice() }
        }
        return run('other', { name }, get, signal)
      },
      async put(name, bytes, { signal, ifVersion } = {}) {
        checkMetaName(name)
        const check = (): void => {
          const now = medium.metas.get(name)?.version ?? null
          if (ifVersion !== undefined && ifVersion !== now) {
            throw new StemkitError('conflict', `slow rows: meta '${name}' is at version ${now}, not ${ifVersion}`)
          }
        }
        const put = (): string => {
          const version = String(++medium.puts)
          medium.metas.set(name, { bytes: bytes.slice(), version })
          return version
        }
        const checkAndPut = async (): Promise<string> => {
          if (quirks.put) {
            check()
            return quirks.put(medium, put)
          }
          await tick()
          check()
          return put()
        }
        return run('other', { name }, checkAndPut, signal)
      },
      async remove(name, { signal } = {}) {
        checkMetaName(name)
        const remove = async (): Promise<void> => {
          await tick()
          medium.metas.delete(name)
        }
        await run('other', { name }, remove, signal)
      },
    },

    async lock({ signal } = {}) {
      const take = (): void => {
        medium.holder = me
      }
      const lock = async (): Promise<void> => {
        if (medium.holder) throw new StemkitError('conflict', 'slow rows: somebody else holds the lock')
        if (quirks.lock) await quirks.lock(medium, take)
        else take()
        await tick()
      }
      await run('other', {}, lock, signal)
      let released = false
      return {
        lost: new AbortController().signal,
        async release() {
          if (!released) medium.holder = undefined
          released = true
        },
      }
    },

    async flush({ signal } = {}) {
      const flush = async (): Promise<void> => {
        await tick()
        if (quirks.flush) quirks.flush(medium)
        else medium.kept = snapshot(medium)
      }
      await run('other', { all: 'before' }, flush, signal)
    },

    async dispose() {
      await calls.end()
      if (disposed) return
      disposed = true
      if (medium.holder === me && !quirks.leavesLock) medium.holder = undefined
      if (--medium.openers === 0) Object.assign(medium, snapshot(medium.kept))
    },
  }
}

export function snapshot({ rows, bytes, metas }: Medium['kept']): Medium['kept'] {
  return { rows, bytes: bytes.slice(), metas: new Map(metas) }
}
