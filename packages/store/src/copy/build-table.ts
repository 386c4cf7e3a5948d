import type { RowDriver, RowOptions } from '@stemkit/spec/row-driver'
import { checkLayout, payloadBytes, type RowLayout } from '../layout.ts'
import { checkPlaces, checkWritable } from '../table/driver-checks.ts'
import { makeFirstVersion, requireNoTable } from '../table/first-version.ts'
import { openRowTable } from '../table/open-row-table.ts'
import type { RowTable } from '../table/row-table.ts'
import { BUILD_MARK, isSameBuild, newMark, putMark, readMark, type BuildMark } from './build-mark.ts'
import { checkRowsBack, isStale, requireZeros, writeRows, type Build } from './build-rows.ts'

export interface BuildProgress {
  readonly stage: 'writing' | 'checking'
  /** Rows that are written, or were read back. */
  readonly rows: number
  readonly totalRows: number
  /** Rows that an earlier try had left there. */
  readonly resumedRows: number
}

export interface BuildTableOptions extends RowOptions {
  /** With places of `recordBytes(layout)` bytes. The result owns it unless this fails. */
  readonly driver: RowDriver
  readonly layout: RowLayout
  readonly rows: number
  /** Says what the rows come from, in words that change when that changes. Rows of another source are not gone on with. */
  readonly source: string
  /** Gives rows `ids`, consecutive ones, in `into` (`ids.length * payloadBytes(layout)` zeros); the same whenever it is asked. */
  readonly fill: (ids: Uint32Array, into: Uint8Array) => void | Promise<void>
  /** The driver's rows were not made just now: they must be those of a try that was cut short, or nothing but zeros. */
  readonly existing?: boolean
  /** Whether the rows are read back before the table is there. Default: true. */
  readonly verify?: boolean
  /** Called before there is a table: to reject if the source is not what it was. */
  readonly confirm?: () => void | Promise<void>
  /** Called where an earlier try was of something else, and all is written anew. */
  readonly onRestart?: () => void
  readonly onProgress?: (progress: BuildProgress) => void
  /** Time between two moments from which a later try can go on, in ms. Default: 1000. */
  readonly checkpointMs?: number
  /** Bytes of rows that are written at a time; twice as much is in memory. Default: 8 MiB. */
  readonly pieceBytes?: number
}

const CHECKPOINT_MS = 1000
const PIECE_BYTES = 8 * 2 ** 20

/**
 * Makes a table as `createRowTable` does, of rows that take long to come: where that ends early, by an error, an abort or a
 * kill, there is no table, and the next call goes on from what it finds. All rows are read back and compared with the
 * checksum of what was written, and only then is there a table.
 *
 * @throws conflict if there is a table already, other rows, or somebody else who writes; corrupt if rows do not come back as
 *   they were written; unsupported for a driver that cannot hold a table; bad-input for a layout that cannot be, or other places
 */
export async function buildRowTable(options: BuildTableOptions): Promise<RowTable> {
  const { driver, layout, rows, source, signal, onProgress } = options
  signal?.throwIfAborted()
  checkLayout(layout)
  checkWritable(driver)
  checkPlaces(driver, { layout, places: 0 })
  const cancel = signal ? { signal } : {}
  const lock = await driver.lock?.(cancel)
  try {
    const wanted = newMark({ source, layout, rows })
    const stop = [signal, lock?.lost].filter((each) => each !== undefined)
    const build: Build = {
      driver,
      layout,
      rows,
      fill: options.fill,
      checkpointMs: options.checkpointMs ?? CHECKPOINT_MS,
      pieceRows: Math.max(1, Math.floor((options.pieceBytes ?? PIECE_BYTES) / payloadBytes(layout))),
      signal: AbortSignal.any(stop),
      lost: lock?.lost,
    }
    const { mark, isRestart } = await findStart(build, wanted, options)
    if (isRestart) options.onRestart?.()
    const resumedRows = mark.written
    const report = (stage: BuildProgress['stage'], done: number): void =>
      onProgress?.({ stage, rows: done, totalRows: rows, resumedRows })
    report('writing', resumedRows)
    await writeRows(build, mark, (done) => report('writing', done))
    if (options.verify !== false) await checkRowsBack(build, mark, (done) => report('checking', done))
    await options.confirm?.()
    // Whoever writes next removes the mark.
    await makeFirstVersion(driver, { layout, rows, garbage: [BUILD_MARK] }, cancel)
  } finally {
    await lock?.release()
  }
  return openRowTable({ driver, mode: 'write', ...cancel })
}

/** The mark to go on from: that of an earlier try if it was of the same rows, else a new one. */
async function findStart(
  build: Build,
  wanted: BuildMark,
  { existing = false, signal }: BuildTableOptions,
): Promise<{ mark: BuildMark; isRestart: boolean }> {
  const { driver } = build
  const cancel = signal ? { signal } : {}
  await requireNoTable(driver, cancel)
  const found = await readMark(driver, cancel)
  const mark = found === 'unreadable' ? undefined : found
  if (found === undefined && existing) await requireZeros(driver, build.signal)
  if (driver.rows < build.rows) await driver.resize!(build.rows, cancel)
  if (mark !== undefined && isSameBuild(mark, wanted) && !(await isStale(build, mark))) {
    return { mark, isRestart: false }
  }
  await putMark(driver, wanted, cancel)
  // From here on rows of an earlier try are written over: its mark must not come back.
  await driver.flush?.(cancel)
  return { mark: wanted, isRestart: mark !== undefined && mark.written > 0 }
}
