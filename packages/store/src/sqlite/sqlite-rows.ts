import { open, type FileHandle } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { setImmediate } from 'node:timers/promises'
import { StemkitError } from '@stemkit/spec/errors'
import { checkGeometry, checkMetaName, checkRows, rowCalls } from '@stemkit/spec/row-calls'
import type { Meta, OpenRowsOptions, RowDriver, RowOptions } from '@stemkit/spec/row-driver'
import { takeWriteLock, type WriteLock } from '@stemkit/spec/write-lock'
import { createDatabase, MOST_ROW_BYTES, openDatabase } from './database.ts'
import { sqliteError, whenFree } from './sqlite-error.ts'

export interface SqliteRowsOptions extends OpenRowsOptions {
  /** How long to wait while another process writes, in ms, before a call rejects with `conflict`. Default: 5000. */
  readonly patience?: number
}

/** Bytes and rows moved before others get a turn: about a millisecond. SQLite runs on this thread. */
const CHUNK_BYTES = 2 ** 20
const CHUNK_ROWS = 4096
/** Stands for the number of rows among the names of metas, none of which has a '/'. */
const RESIZE = 'rows/'

/**
 * Rows in one SQLite database, by Node's own `node:sqlite`: table `rows` has those that were ever written, `metas` the metas.
 *
 * Every write is a transaction of at most 1 MiB in the write-ahead log, which costs no sync; a flush syncs the log, off this
 * thread. What was flushed outlives a loss of power. Other processes may read, and write too, at the same time; `lock`
 * keeps them from it, and is free as soon as its holder is dead. It is a file beside the database, as the log is: PATH-lock.
 * @param path of the database, on a local disk
 * @throws not-found; conflict where rows are to be made and something is there; corrupt; unsupported for a later format; io
 */
export async function sqliteRows(path: string, options: SqliteRowsOptions = {}): Promise<RowDriver> {
  const { create, readOnly = false, signal, patience = 5000 } = options
  const file = resolve(path)
  if (create !== undefined && readOnly) {
    throw new StemkitError('bad-input', `${file}: rows cannot be made read-only; make them, then open them again`)
  }
  signal?.throwIfAborted()
  if (create !== undefined) await createDatabase(file, create, { patience, signal })
  const db = await openDatabase(file, readOnly, { patience, signal })
  try {
    signal?.throwIfAborted()
    return driverOf(db, file, { readOnly, patience })
  } catch (error) {
    db.close()
    throw sqliteError(`${file}: cannot be opened`, error)
  }
}

function driverOf(
  db: DatabaseSync,
  file: string,
  { readOnly, patience }: { readOnly: boolean; patience: number },
): RowDriver {
  const geometry = db.prepare('select rows, row_bytes from geometry')
  const selectRows = db.prepare(
    'select rows.id, bytes from json_each(?) wanted cross join rows on rows.id = wanted.value',
  )
  selectRows.setReturnArrays(true)
  const selectMeta = db.prepare('select version, bytes from metas where name = ?')

  const calls = rowCalls()
  const locks = new Set<WriteLock>()
  const rowBytes = Number(geometry.get()?.['row_bytes'])
  let rows = Number(geometry.get()?.['rows'])
  let log: FileHandle | undefined
  let unsynced = false
  let failedSync: StemkitError | undefined
  let closing: Promise<void> | undefined

  /** Does `work` on pieces of the rows, with a pause after each in which others get a turn. */
  const inChunks = async (
    ids: Uint32Array,
    { verb, signal }: { verb: string; signal: AbortSignal | undefined },
    work: (ids: Uint32Array, from: number) => void,
  ): Promise<void> => {
    const step = Math.max(1, Math.min(CHUNK_ROWS, Math.floor(CHUNK_BYTES / rowBytes)))
    for (let at = 0; at < ids.length; at += step) {
      if (at > 0) await setImmediate()
      signal?.throwIfAborted()
      const chunk = ids.subarray(at, at + step)
      const what = `${file}: rows ${chunk[0]} to ${chunk.at(-1)} cannot be ${verb}`
      await whenFree(what, () => work(chunk, at * rowBytes), { patience, signal })
    }
  }

  const readChunk = (ids: Uint32Array, into: Uint8Array): void => {
    let next = 0
    const skipTo = (end: number): void => {
      into.fill(0, next * rowBytes, end * rowBytes)
      next = end
    }
    for (const [id, bytes] of selectRows.all(`[${ids.join()}]`) as unknown as [number, Uint8Array][]) {
      skipTo(ids.indexOf(id, next))
      if (bytes.length !== rowBytes) {
        throw new StemkitError('corrupt', `${file}: row ${id} has ${bytes.length} bytes, not ${rowBytes}`)
      }
      into.set(bytes, next++ * rowBytes)
    }
    skipTo(ids.length)
  }

  const checkSynced = (): void => {
    if (failedSync === undefined) return
    const message = `${failedSync.message}; rows written since the last good flush are lost, open them again`
    throw new StemkitError('io', message, { cause: failedSync })
  }

  const read: RowDriver['read'] = async (ids, into, { signal } = {}) => {
    checkRows({ rows, rowBytes }, ids, into)
    const work = (chunk: Uint32Array, from: number): void =>
      readChunk(chunk, into.subarray(from, from + chunk.length * rowBytes))
    await calls.run({ read: ids }, () => inChunks(ids, { verb: 'read', signal }, work), signal)
  }

  const getMeta = async (name: string, { signal }: RowOptions = {}): Promise<Meta | undefined> => {
    checkMetaName(name)
    const work = (): Meta | undefined => selectMeta.get(name) as unknown as Meta | undefined
    return calls.run({ name }, () => whenFree(`${file}: meta ${name}`, work, { patience, signal }), signal)
  }

  const writing = (): Partial<RowDriver> => {
    const putRow = db.prepare('insert into rows values (?, ?) on conflict do update set bytes = excluded.bytes')
    // Node 22 takes no bytes for null.
    const putMeta = db.prepare("insert or replace into metas values (?, ?, coalesce(?, x''))")
    const removeMeta = db.prepare('delete from metas where name = ?')
    const putGeometry = db.prepare('update geometry set rows = ?')

    const transaction = <T>(work: () => T): T => {
      checkSynced()
      db.exec('begin immediate')
      try {
        const result = work()
        db.exec('commit')
        unsynced = true
        return result
      } catch (error) {
        // Where the disk is full, SQLite may have rolled back by itself.
        if (db.isTransaction) db.exec('rollback')
        throw error
      }
    }

    /** A short transaction, of a call that touches `name` alone. */
    const change = <T>(name: string, what: string, work: () => T, signal: AbortSignal | undefined): Promise<T> =>
      calls.run({ name }, () => whenFree(what, () => transaction(work), { patience, signal }), signal)

    return {
      async write(ids, from, { signal } = {}) {
        checkRows({ rows, rowBytes }, ids, from)
        const work = (chunk: Uint32Array, at: number): void =>
          transaction(() => {
            for (let i = 0; i < chunk.length; i++) {
              putRow.run(chunk[i]!, from.subarray(at + i * rowBytes, at + (i + 1) * rowBytes))
            }
          })
        await calls.run({ write: ids }, () => inChunks(ids, { verb: 'written', signal }, work), signal)
      },

      async resize(wanted, { signal } = {}) {
        checkGeometry({ rows: wanted, rowBytes }, file, MOST_ROW_BYTES)
        const work = (): void => {
          const there = Number(geometry.get()?.['rows'])
          if (wanted < there) {
            throw new StemkitError('bad-input', `${file}: has ${there} rows, not to be cut to ${wanted}`)
          }
          putGeometry.run(wanted)
        }
        await change(RESIZE, `${file}: cannot be resized`, work, signal)
        rows = wanted
      },

      meta: {
        get: getMeta,
        async put(name, bytes, { signal, ifVersion } = {}) {
          checkMetaName(name)
          const version = crypto.randomUUID()
          const work = (): void => {
            const there = (selectMeta.get(name)?.['version'] ?? null) as string | null
            if (ifVersion !== undefined && there !== ifVersion) {
              throw new StemkitError('conflict', `${file}: meta ${name} was changed by somebody else; read it again`)
            }
            putMeta.run(name, version, bytes)
          }
          await change(name, `${file}: meta ${name} cannot be put`, work, signal)
          return version
        },
        async remove(name, { signal } = {}) {
          checkMetaName(name)
          await change(name, `${file}: meta ${name} cannot be removed`, () => void removeMeta.run(name), signal)
        },
      },

      async lock({ signal } = {}) {
        const work = async (): Promise<WriteLock> => {
          const taken = await takeWriteLock(`${file}-lock`).catch((error: unknown) => {
            throw sqliteError(`${file}-lock: cannot be locked`, error)
          })
          if (signal?.aborted === true) taken.release()
          else locks.add(taken)
          return taken
        }
        const lock = await calls.run({}, work, signal)
        return {
          lost: new AbortController().signal,
          async release() {
            if (locks.delete(lock)) lock.release()
          },
        }
      },

      async flush({ signal } = {}) {
        const work = async (): Promise<void> => {
          checkSynced()
          if (!unsynced) return
          unsynced = false
          try {
            // All commits are in the log, and what has left it for the database was synced by SQLite before.
            log ??= await open(`${file}-wal`, 'r+')
            await log.datasync()
          } catch (error) {
            // The system forgets what it could not write: the next try would succeed without it.
            failedSync = sqliteError(`${file}: cannot be flushed`, error)
            throw failedSync
          }
        }
        await calls.run({ all: 'before' }, work, signal)
      },
    }
  }

  const close = async (): Promise<void> => {
    await calls.end()
    for (const lock of locks) lock.release()
    locks.clear()
    await log?.close()
    db.close()
  }

  return {
    get rows() {
      return rows
    },
    rowBytes,
    durability: 'power',
    where: file,
    read,
    meta: { get: getMeta },
    ...(readOnly ? {} : writing()),
    async dispose() {
      closing ??= close().catch((error: unknown) => {
        throw sqliteError(`${file}: cannot be closed`, error)
      })
      await closing
    },
  }
}
