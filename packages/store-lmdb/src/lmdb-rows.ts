import { join, resolve } from 'node:path'
import { StemkitError } from '@stemkit/spec/errors'
import { checkGeometry, checkMetaName, checkRows, rowCalls } from '@stemkit/spec/row-calls'
import type { Meta, OpenRowsOptions, RowDriver, RowOptions } from '@stemkit/spec/row-driver'
import { takeWriteLock, type WriteLock } from '@stemkit/spec/write-lock'
import { MOST_ROW_BYTES, onlyIfNone, openEnvironment, ROWS, type Environment } from './environment.ts'
import { attempt, BATCH_BYTES } from './lmdb-error.ts'

export interface LmdbRowsOptions extends OpenRowsOptions {
  /** Address space to set aside in the beginning, in bytes. It grows as needed; more from the start saves the growing. */
  readonly mapSize?: number
}

/** Bytes and rows copied before others get a turn. */
const CHUNK_BYTES = 2 ** 20
const CHUNK_ROWS = 4096
/** Chunks of one read under way: Node's thread pool has as many threads. */
const LANES = 4
/** Stands for the number of rows among the names of metas, none of which has a '/'. */
const RESIZE = 'rows/'

/**
 * Rows in an LMDB environment, a folder, by the npm package `lmdb`. What was written outlives a loss of power once the write
 * has resolved: transactions of up to 8 MiB, written and synced off this thread. Rows come out of the memory map, its pages
 * brought in off this thread as well. Other processes may read, and write too, at the same time; `lock` keeps them from it,
 * and is free as soon as its holder is dead.
 * @param path of the folder, on a local disk
 * @throws not-found; conflict where rows are to be made and something is there; corrupt; unsupported for a later format; io
 */
export async function lmdbRows(path: string, options: LmdbRowsOptions = {}): Promise<RowDriver> {
  const { create, readOnly = false, signal, mapSize } = options
  const folder = resolve(path)
  if (create !== undefined && readOnly) {
    throw new StemkitError('bad-input', `${folder}: rows cannot be made read-only; make them, then open them again`)
  }
  if (mapSize !== undefined && (!Number.isInteger(mapSize) || mapSize < 1)) {
    throw new StemkitError('bad-input', `${folder}: mapSize is ${mapSize}, it must be a whole number above 0`)
  }
  signal?.throwIfAborted()
  const environment = await openEnvironment(folder, { create, readOnly, mapSize })
  if (signal?.aborted === true) {
    await environment.root.close()
    signal.throwIfAborted()
  }
  return driverOf(environment, folder, readOnly)
}

function driverOf({ root, about, rows: stored, metas }: Environment, folder: string, readOnly: boolean): RowDriver {
  const calls = rowCalls()
  const locks = new Set<WriteLock>()
  const { rowBytes } = about.get(ROWS)!
  let { rows } = about.get(ROWS)!
  let closing: Promise<void> | undefined

  const readChunk = async (ids: Uint32Array, into: Uint8Array): Promise<void> => {
    await stored.prefetch([...ids])
    for (let i = 0; i < ids.length; i++) {
      const row = stored.getBinaryFast(ids[i]!)
      if (row === undefined) {
        into.fill(0, i * rowBytes, (i + 1) * rowBytes)
        continue
      }
      if (row.length !== rowBytes) {
        throw new StemkitError('corrupt', `${folder}: row ${ids[i]} has ${row.length} bytes, not ${rowBytes}`)
      }
      // It may be a part of a longer buffer, which the next one comes in too.
      into.set(row.subarray(0, rowBytes), i * rowBytes)
    }
  }

  const read: RowDriver['read'] = async (ids, into, { signal } = {}) => {
    checkRows({ rows, rowBytes }, ids, into)
    const step = Math.max(1, Math.min(CHUNK_ROWS, Math.floor(CHUNK_BYTES / rowBytes)))
    let next = 0
    const lane = async (): Promise<void> => {
      while (next < ids.length) {
        signal?.throwIfAborted()
        const from = next
        const chunk = ids.subarray(from, (next += step))
        try {
          await readChunk(chunk, into.subarray(from * rowBytes, (from + chunk.length) * rowBytes))
        } catch (error) {
          next = ids.length
          throw error
        }
      }
    }
    const work = async (): Promise<void> => {
      // Lanes write to the caller's buffer: all have to have ended.
      const lanes = await Promise.allSettled(Array.from({ length: LANES }, lane))
      for (const { reason } of lanes.filter((result) => result.status === 'rejected')) throw reason
    }
    await calls.run({ read: ids }, () => attempt(`${folder}: rows cannot be read`, folder, work), signal)
  }

  const getMeta = async (name: string, { signal }: RowOptions = {}): Promise<Meta | undefined> => {
    checkMetaName(name)
    const work = (): Meta | undefined => {
      // As it is now, not as it was when this turn began.
      root.resetReadTxn()
      const entry = metas.getEntry(name)
      return entry && { bytes: new Uint8Array(entry.value), version: String(entry.version) }
    }
    return calls.run({ name }, () => attempt(`${folder}: meta ${name} cannot be read`, folder, work), signal)
  }

  /** A change of a call that touches `name` alone. */
  const change = <T>(name: string, what: string, work: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> =>
    calls.run({ name }, () => attempt(`${folder}: ${what}`, folder, work), signal)

  const writing: Partial<RowDriver> = {
    async write(ids, from, { signal } = {}) {
      checkRows({ rows, rowBytes }, ids, from)
      const step = Math.max(1, Math.floor(BATCH_BYTES / rowBytes))
      const writeBatch = (begin: number, end: number): Promise<boolean> =>
        stored.batch(() => {
          for (let i = begin; i < end; i++) void stored.put(ids[i]!, from.subarray(i * rowBytes, (i + 1) * rowBytes))
        })
      const work = async (): Promise<void> => {
        for (let at = 0; at < ids.length; at += step) {
          signal?.throwIfAborted()
          const end = Math.min(at + step, ids.length)
          const what = `${folder}: rows ${ids[at]} to ${ids[end - 1]} cannot be written`
          await attempt(what, folder, () => writeBatch(at, end))
        }
      }
      await calls.run({ write: ids }, work, signal)
    },

    async resize(wanted, { signal } = {}) {
      checkGeometry({ rows: wanted, rowBytes }, folder, MOST_ROW_BYTES)
      const work = async (): Promise<void> => {
        for (let done = false; !done;) {
          root.resetReadTxn()
          const { value, version } = about.getEntry(ROWS)!
          if (wanted < value.rows) {
            throw new StemkitError('bad-input', `${folder}: has ${value.rows} rows, not to be cut to ${wanted}`)
          }
          done = await about.put(ROWS, { ...value, rows: wanted }, version! + 1, version)
        }
      }
      await change(RESIZE, 'cannot be resized', work, signal)
      rows = wanted
    },

    meta: {
      get: getMeta,
      async put(name, bytes, { signal, ifVersion } = {}) {
        checkMetaName(name)
        const version = newVersion()
        const work = async (): Promise<void> => {
          const done = await (ifVersion === null
            ? metas.put(name, bytes, onlyIfNone(version))
            : metas.put(name, bytes, version, ifVersion === undefined ? undefined : Number(ifVersion)))
          if (!done) {
            throw new StemkitError('conflict', `${folder}: meta ${name} was changed by somebody else; read it again`)
          }
        }
        await change(name, `meta ${name} cannot be put`, work, signal)
        return String(version)
      },
      async remove(name, { signal } = {}) {
        checkMetaName(name)
        await change(name, `meta ${name} cannot be removed`, () => metas.remove(name), signal)
      },
    },

    async lock({ signal } = {}) {
      const work = async (): Promise<WriteLock> => {
        // LMDB's own lock is held for moments, and by nobody who may be asked.
        const taken = await takeWriteLock(join(folder, 'writer.lock'))
        if (signal?.aborted === true) taken.release()
        else locks.add(taken)
        return taken
      }
      const lock = await calls.run({}, () => attempt(`${folder}: cannot be locked`, folder, work), signal)
      return {
        lost: new AbortController().signal,
        async release() {
          if (locks.delete(lock)) lock.release()
        },
      }
    },

    // Commits are durable; there is only to wait for those under way.
    async flush({ signal } = {}) {
      await calls.run({ all: 'before' }, () => undefined, signal)
    },
  }

  const close = async (): Promise<void> => {
    await calls.end()
    for (const lock of locks) lock.release()
    locks.clear()
    await root.close()
  }

  return {
    get rows() {
      return rows
    },
    rowBytes,
    durability: 'power',
    where: folder,
    read,
    meta: { get: getMeta },
    ...(readOnly ? {} : writing),
    async dispose() {
      closing ??= attempt(`${folder}: cannot be closed`, folder, close)
      await closing
    },
  }
}

/** A number that no meta had before, as LMDB has versions: random, 53 bits. */
function newVersion(): number {
  const [high, low] = crypto.getRandomValues(new Uint32Array(2))
  return (high! >>> 11) * 2 ** 32 + low!
}
