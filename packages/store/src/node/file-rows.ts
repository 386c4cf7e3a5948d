import { join, resolve } from 'node:path'
import { StemkitError } from '@stemkit/spec/errors'
import { checkGeometry, checkRows, rowCalls } from '@stemkit/spec/row-calls'
import type { Meta, OpenRowsOptions, RowDriver, RowGeometry, RowOptions } from '@stemkit/spec/row-driver'
import { coalesce, type Run } from '../drivers/coalesce.ts'
import { metaPath, MOST_ROW_BYTES, rowOffset, ROWS_FILE } from '../drivers/row-file.ts'
import type { PartedRows, RowsInParts } from '../drivers/rows-in-parts.ts'
import { attempt, fileError } from './file-error.ts'
import { makeFolders, nodeFileSystem, readFully, writeFully, type FileSystem, type OpenFile } from './file-system.ts'
import { createLanes } from './lanes.ts'
import { takeLock, type LockFile } from './lock-file.ts'
import { metaFiles } from './meta-files.ts'
import { nodeProcesses, type Processes } from '@stemkit/spec/processes'
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
export async function fileRows(path: string, options: FileRowsOptions = {}): Promise<PartedRows> {
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

function driverOf({ files, processes, folder, file, geometry, queueDepth, readOnly }: Opened): PartedRows {
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

  const read: RowsInParts['read'] = async (ids, into, { signal, onRows } = {}) => {
    const partsOf = checkParts({ rows, rowBytes }, ids, into)
    const readRun = async (run: Run, at: number): Promise<void> => {
      await readFully(file, withGaps(run, ids, partsOf, rowBytes), at)
      onRows?.(run.from, run.count)
    }
    await calls.run({ read: ids }, () => inRuns(ids, { verb: 'read', gap: GAP, signal }, readRun), signal)
  }

  const write: NonNullable<RowsInParts['write']> = async (ids, from, { signal } = {}) => {
    const partsOf = checkParts({ rows, rowBytes }, ids, from)
    const writeRun = (run: Run, at: number): Promise<void> => writeFully(file, partsOf(run.from, run.count), at)
    const work = async (): Promise<void> => {
      checkSynced()
      try {
        await inRuns(ids, { verb: 'written', gap: 0, signal }, writeRun)
      } finally {
        unsynced = true
      }
    }
    await calls.run({ write: ids }, work, signal)
  }

  const getMeta = async (name: string, { signal }: RowOptions = {}): Promise<Meta | undefined> => {
    metaPath(name)
    return calls.run({ name }, () => metas.get(name), signal)
  }

  const writing: Partial<RowDriver> = {
    write: (ids, from, options) => write(ids, [from], options),

    async resize(wanted, { signal } = {}) {
      checkGeometry({ rows: wanted, rowBytes }, folder, MOST_ROW_BYTES)
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
    where: rowsPath,
    read: (ids, into, options) => read(ids, [into], options),
    inParts: readOnly ? { read } : { read, write },
    meta: { get: getMeta },
    ...(readOnly ? {} : writing),
    async dispose() {
      closing ??= attempt(`${folder}: cannot be closed`, close)
      await closing
    },
  }
}

/** The parts of rows `ids[from]` to `ids[from + count]`. */
type PartsOf = (from: number, count: number) => readonly Uint8Array[]

/** @throws bad-input for ids and parts that a driver does not take */
function checkParts(geometry: RowGeometry, ids: Uint32Array, parts: readonly Uint8Array[]): PartsOf {
  const { rowBytes } = geometry
  const [first] = parts
  if (parts.length === 1 && first !== undefined) {
    checkRows(geometry, ids, first)
    return (from, count) => [first.subarray(from * rowBytes, (from + count) * rowBytes)]
  }
  checkRows({ rows: geometry.rows, rowBytes: 0 }, ids, wasted.subarray(0, 0))
  const each = ids.length === 0 ? 0 : parts.length / ids.length
  const isWhole = (_: number, i: number): boolean => {
    let bytes = 0
    for (let k = i * each; k < (i + 1) * each; k++) bytes += parts[k]!.length
    return bytes === rowBytes
  }
  if (!Number.isInteger(each) || !ids.every(isWhole)) {
    throw new StemkitError('bad-input', `rows: ${parts.length} parts are not ${ids.length} rows of ${rowBytes} bytes`)
  }
  return (from, count) => parts.slice(from * each, (from + count) * each)
}

/** Where the rows of a run go, and what lies between them. */
function withGaps(run: Run, ids: Uint32Array, partsOf: PartsOf, rowBytes: number): readonly Uint8Array[] {
  if (run.count === run.rows) return partsOf(run.from, run.count)
  const end = run.from + run.count
  const parts: Uint8Array[] = []
  let begin = run.from
  for (let at = begin + 1; at <= end; at++) {
    const between = at < end ? ids[at]! - ids[at - 1]! - 1 : 0
    if (at < end && between === 0) continue
    parts.push(...partsOf(begin, at - begin))
    if (between > 0) parts.push(wasted.subarray(0, between * rowBytes))
    begin = at
  }
  return parts
}
