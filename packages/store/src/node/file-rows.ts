import { join, resolve } from 'node:path'
import { StemkitError } from '@stemkit/spec/errors'
import { checkRows, rowCalls } from '@stemkit/spec/row-calls'
import type { Meta, OpenRowsOptions, RowDriver, RowGeometry, RowOptions } from '@stemkit/spec/row-driver'
import { coalesce, type Run } from '../drivers/coalesce.ts'
import { checkGeometry, metaPath, rowOffset, ROWS_FILE } from '../drivers/row-file.ts'
import { attempt, fileError } from './file-error.ts'
import { makeFolders, nodeFileSystem, readFully, writeFully, type FileSystem, type OpenFile } from './file-system.ts'
import { createLanes } from './lanes.ts'
import { takeLock, type LockFile } from './lock-file.ts'
import { metaFiles } from './meta-files.ts'
import { nodeProcesses, type Processes } from './processes.ts'
import { createRowsBin, growRowsBin, openRowsBin } from './rows-bin.ts'

export interface FileRowsOptions extends OpenRowsOptions {
  /**
   * Positioned reads and writes under way at once. Default: 16. Node does 4 of them at a time, or as many as the environment
   * variable UV_THREADPOOL_SIZE says; more than that wait close by, which saves the way through JavaScript.
   */
  readonly queueDepth?: number
  /** Default: `node:fs`. */
  readonly files?: FileSystem
  /** Default: the processes of this machine. */
  readonly processes?: Processes
}

/** Longest read or write, unless a row is longer: a longer one is no faster per byte, and has others wait for it. */
const MOST_BYTES = 512 * 1024
/** Bytes between rows up to which reading on is as fast as beginning anew, from disk and from the system's cache. */
const GAP = 16 * 1024
const wasted = new Uint8Array(GAP)
/** Stands for the number of rows among the names of metas, none of which has a '/'. */
const RESIZE = 'rows/'

/**
 * Rows in a folder: `rows.bin`, a header and the rows one after the other, and metas as files of their own (byte for byte in
 * docs/store-file-format.md). Reads go straight into the caller's buffer. What was flushed outlives a loss of power; so do
 * metas once they are put or removed, and the number of rows once it is changed. Rows whose write rejects may be torn.
 *
 * Its lock is the file `lock`. One whose holder is dead is taken over at once, one of another machine never.
 * @param path of the folder
 * @throws not-found; conflict where rows are to be made and there are some; corrupt; unsupported for a later format; io
 */
export async function fileRows(path: string, options: FileRowsOptions = {}): Promise<RowDriver> {
  const { create, readOnly = false, signal, queueDepth = 16 } = options
  const { files = nodeFileSystem, processes = nodeProcesses } = options
  const folder = resolve(path)
  if (!Number.isInteger(queueDepth) || queueDepth < 1) {
    throw new StemkitError('bad-input', `${folder}: queueDepth is ${queueDepth}, it must be a whole number above 0`)
  }
  if (create !== undefined && readOnly) {
    throw new StemkitError('bad-input', `${folder}: rows cannot be made read-only; make them, then open them again`)
  }
  signal?.throwIfAborted()
  if (create !== undefined) await createRowsBin(files, processes, folder, create, signal)
  const { file, geometry } = await openRowsBin(files, join(folder, ROWS_FILE), readOnly ? 'read' : 'write')
  try {
    if (!readOnly) await attempt(`${folder}: cannot be written`, () => makeFolders(files, join(folder, 'meta')))
    signal?.throwIfAborted()
  } catch (error) {
    await file.close()
    throw error
  }
  return driverOf({ files, processes, folder, file, geometry, queueDepth, readOnly })
}

interface Opened {
  readonly files: FileSystem
  readonly processes: Processes
  readonly folder: string
  readonly file: OpenFile
  readonly geometry: RowGeometry
  readonly queueDepth: number
  readonly readOnly: boolean
}

function driverOf({ files, processes, folder, file, geometry, queueDepth, readOnly }: Opened): RowDriver {
  const rowsPath = join(folder, ROWS_FILE)
  const calls = rowCalls()
  const lanes = createLanes(queueDepth)
  const metas = metaFiles(files, processes, folder)
  const locks = new Set<LockFile>()
  const { rowBytes } = geometry
  let { rows } = geometry
  let unsynced = false
  let failedSync: StemkitError | undefined
  let closing: Promise<void> | undefined

  /** Does `work` on runs of neighbouring rows, in lanes. */
  const inRuns = (
    ids: Uint32Array,
    { verb, gap, signal }: { verb: string; gap: number; signal: AbortSignal | undefined },
    work: (run: Run, at: number) => Promise<void>,
  ): Promise<void> =>
    lanes.each(
      coalesce(ids, { rowBytes, mostBytes: MOST_BYTES, gap: Math.floor(gap / rowBytes) }),
      async (run) => {
        try {
          await work(run, rowOffset(run.first, rowBytes))
        } catch (error) {
          throw fileError(`${rowsPath}: rows ${run.first} to ${run.first + run.rows - 1} cannot be ${verb}`, error)
        }
      },
      signal,
    )

  const checkSynced = (): void => {
    if (failedSync === undefined) return
    const message = `${failedSync.message}; rows written since the last good flush are lost, open them again`
    throw new StemkitError('io', message, { cause: failedSync })
  }

  const sync = async (): Promise<void> => {
    checkSynced()
    try {
      await attempt(`${rowsPath}: cannot be flushed`, () => file.sync())
    } catch (error) {
      // The system forgets what it could not write: the next try would succeed without it.
      failedSync = error as StemkitError
      throw error
    }
  }

  const read: RowDriver['read'] = async (ids, into, { signal } = {}) => {
    checkRows({ rows, rowBytes }, ids, into)
    const readRun = (run: Run, at: number): Promise<void> => readFully(file, viewsOf(run, ids, into, rowBytes), at)
    await calls.run({ read: ids }, () => inRuns(ids, { verb: 'read', gap: GAP, signal }, readRun), signal)
  }

  const getMeta = async (name: string, { signal }: RowOptions = {}): Promise<Meta | undefined> => {
    metaPath(name)
    return calls.run({ name }, () => metas.get(name), signal)
  }

  const writing: Partial<RowDriver> = {
    async write(ids, from, { signal } = {}) {
      checkRows({ rows, rowBytes }, ids, from)
      const writeRun = (run: Run, at: number): Promise<void> =>
        writeFully(file, from.subarray(run.from * rowBytes, (run.from + run.count) * rowBytes), at)
      const work = async (): Promise<void> => {
        checkSynced()
        try {
          await inRuns(ids, { verb: 'written', gap: 0, signal }, writeRun)
        } finally {
          unsynced = true
        }
      }
      await calls.run({ write: ids }, work, signal)
    },

    async resize(wanted, { signal } = {}) {
      checkGeometry({ rows: wanted, rowBytes }, folder)
      const work = async (): Promise<void> => {
        if (wanted < rows) {
          throw new StemkitError('bad-input', `${folder}: has ${rows} rows, not to be cut to ${wanted}`)
        }
        if (wanted > rows) rows = await growRowsBin({ ...file, sync }, rowsPath, wanted)
      }
      await calls.run({ name: RESIZE }, work, signal)
    },

    meta: {
      get: getMeta,
      async put(name, bytes, options = {}) {
        metaPath(name)
        return calls.run({ name }, () => metas.put(name, bytes, options), options.signal)
      },
      async remove(name, options = {}) {
        metaPath(name)
        await calls.run({ name }, () => metas.remove(name, options), options.signal)
      },
    },

    async lock({ signal } = {}) {
      const work = async (): Promise<LockFile> => {
        const taken = await takeLock(files, processes, join(folder, 'lock'))
        if (signal?.aborted === true) await taken.release()
        else locks.add(taken)
        return taken
      }
      const lock = await calls.run({}, () => attempt(`${folder}: cannot be locked`, work), signal)
      return {
        lost: new AbortController().signal,
        async release() {
          if (locks.delete(lock)) await attempt(`${folder}: cannot be unlocked`, () => lock.release())
        },
      }
    },

    async flush({ signal } = {}) {
      const work = async (): Promise<void> => {
        checkSynced()
        if (!unsynced) return
        unsynced = false
        await sync()
      }
      await calls.run({ all: 'before' }, work, signal)
    },
  }

  const close = async (): Promise<void> => {
    await calls.end()
    for (const lock of locks) await lock.release()
    locks.clear()
    await file.close()
  }

  return {
    get rows() {
      return rows
    },
    rowBytes,
    durability: 'power',
    read,
    meta: { get: getMeta },
    ...(readOnly ? {} : writing),
    async dispose() {
      closing ??= attempt(`${folder}: cannot be closed`, close)
      await closing
    },
  }
}

/** Where the rows of a run go, and what lies between them. */
function viewsOf(run: Run, ids: Uint32Array, into: Uint8Array, rowBytes: number): Uint8Array[] {
  const end = run.from + run.count
  if (run.count === run.rows) return [into.subarray(run.from * rowBytes, end * rowBytes)]
  const views: Uint8Array[] = []
  let begin = run.from
  for (let at = begin + 1; at <= end; at++) {
    const between = at < end ? ids[at]! - ids[at - 1]! - 1 : 0
    if (at < end && between === 0) continue
    views.push(into.subarray(begin * rowBytes, at * rowBytes))
    if (between > 0) views.push(wasted.subarray(0, between * rowBytes))
    begin = at
  }
  return views
}
