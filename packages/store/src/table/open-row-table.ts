import { StemkitError } from '@stemkit/spec/errors'
import type { RowDriver, RowLock, RowOptions } from '@stemkit/spec/row-driver'
import { checkLayout, type RowLayout } from '../layout.ts'
import { checkPlaces, checkWritable } from './driver-checks.ts'
import { makeFirstVersion, requireNoTable } from './first-version.ts'
import { openReader } from './reader.ts'
import { GONE } from './records.ts'
import { readRoot } from './root.ts'
import { rowIo } from './row-io.ts'
import type { RowTable } from './row-table.ts'
import { openWriter } from './writer.ts'

interface LeaseOptions extends RowOptions {
  /**
   * How long a reader that went silent keeps its version, in ms; twice as long where clocks differ. Readers renew their
   * hold three times as often. Default: 10 minutes.
   */
  readonly leaseMs?: number
}

export interface OpenRowTableOptions extends LeaseOptions {
  /** The table owns it from now on, unless opening fails. */
  readonly driver: RowDriver
  readonly mode: 'read' | 'write'
  /**
   * Default: the newest. A writer that starts from an older one continues from there: its first snapshot discards the later
   * ones, kept or not. Until then all are as they were.
   */
  readonly version?: number
}

export interface CreateRowTableOptions extends LeaseOptions {
  /** Made with places of `recordBytes(layout)` bytes; gets more of them if need be. The table owns it unless this fails. */
  readonly driver: RowDriver
  readonly layout: RowLayout
  /** 0 makes a table that is to hold overlays alone. */
  readonly rows: number
  /**
   * Gives rows `ids`, a run of consecutive ones, in `into` (`ids.length * payloadBytes(layout)` zeros).
   * Called for all rows in ascending order. Default: zeros.
   */
  readonly fill?: (ids: Uint32Array, into: Uint8Array) => void | Promise<void>
  readonly onProgress?: (progress: { readonly rows: number; readonly totalRows: number }) => void
}

const LEASE_MS = 10 * 60 * 1000
/** Bytes of rows that are made and written at a time. */
const FILL_BYTES = 8 * 2 ** 20

/**
 * Opens a table for one writer or for any number of readers, which may all be there at the same time. A reader stays at
 * its version, and holds it by a pin beside the rows; where the driver cannot put metas (read-only media) there are no
 * pins, and a writer elsewhere may take a version's places from under the reader.
 *
 * @throws not-found if there is no table or no such version, conflict if there is another writer, corrupt naming what is
 *   damaged, unsupported for writing over a driver that cannot write, grow or hold metas, bad-input if the driver's places
 *   are not those of the table
 */
export async function openRowTable({
  driver,
  mode,
  version,
  leaseMs = LEASE_MS,
  ...options
}: OpenRowTableOptions): Promise<RowTable> {
  options.signal?.throwIfAborted()
  if (mode === 'read') {
    checkPlaces(driver, (await readRoot(driver, options)).root)
    return openReader(driver, { version, leaseMs, ...options })
  }
  checkWritable(driver)
  return withLock(driver, options, async (lock, onDispose) => {
    checkPlaces(driver, (await readRoot(driver, options)).root)
    return openWriter(driver, { lock, leaseMs, version, onDispose, ...options })
  })
}

/**
 * Makes a table, version 1 of it, and opens it for writing. All rows are written, large pieces in a row; if that ends
 * early there is no table, and it can be made anew.
 *
 * @throws conflict if there is a table already or somebody else is writing, unsupported for a driver that cannot write, grow
 *   or hold metas, bad-input for a layout that cannot be or a driver with other places
 */
export async function createRowTable({
  driver,
  layout,
  rows,
  fill,
  onProgress,
  leaseMs = LEASE_MS,
  ...options
}: CreateRowTableOptions): Promise<RowTable> {
  options.signal?.throwIfAborted()
  checkLayout(layout)
  if (!Number.isInteger(rows) || rows < 0 || rows >= GONE) {
    throw new StemkitError('bad-input', `row table: ${rows} rows; it takes a whole number below ${GONE}`)
  }
  checkWritable(driver)
  checkPlaces(driver, { layout, places: 0 })
  return withLock(driver, options, async (lock, onDispose) => {
    await requireNoTable(driver, options)
    if (driver.rows < rows) await driver.resize!(rows, options)
    await fillRows({ driver, layout, rows, fill, onProgress, lost: lock?.lost, ...options })
    await makeFirstVersion(driver, { layout, rows }, options)
    return openWriter(driver, { lock, leaseMs, onDispose, ...options })
  })
}

async function fillRows({
  driver,
  layout,
  rows,
  fill,
  onProgress,
  lost,
  signal,
}: Pick<CreateRowTableOptions, 'driver' | 'layout' | 'rows' | 'signal'> & {
  readonly fill: CreateRowTableOptions['fill'] | undefined
  readonly onProgress: CreateRowTableOptions['onProgress'] | undefined
  readonly lost: AbortSignal | undefined
}): Promise<void> {
  const io = rowIo(driver, layout)
  const step = Math.max(1, Math.floor(FILL_BYTES / io.rowBytes))
  const blocks = [0, 1].map(() => new Uint8Array(Math.min(step, rows) * io.rowBytes))
  let writing = Promise.resolve()
  try {
    for (let first = 0, turn = 0; first < rows; first += step, turn ^= 1) {
      signal?.throwIfAborted()
      lost?.throwIfAborted()
      const ids = Uint32Array.from({ length: Math.min(step, rows - first) }, (_, i) => first + i)
      const block = blocks[turn]!.subarray(0, ids.length * io.rowBytes)
      if (fill !== undefined) await fill(ids, block.fill(0))
      await writing
      writing = io.write({ ids, places: ids, signal }, block)
      writing = writing.then(() => onProgress?.({ rows: first + ids.length, totalRows: rows }))
    }
  } finally {
    await writing
  }
}

/** Drivers that a table here is writing to: where a driver has no lock, nobody but this process could. */
const writers = new WeakSet<RowDriver>()

/** Opens a table under the lock; gives the lock back if that fails. */
async function withLock(
  driver: RowDriver,
  options: RowOptions,
  open: (lock: RowLock | undefined, onDispose: () => Promise<void>) => Promise<RowTable>,
): Promise<RowTable> {
  if (writers.has(driver)) throw new StemkitError('conflict', 'row table: it is open for writing here already')
  writers.add(driver)
  let lock: RowLock | undefined
  try {
    lock = await driver.lock?.(options)
    return await open(lock, async () => {
      writers.delete(driver)
      await driver.dispose()
    })
  } catch (error) {
    writers.delete(driver)
    await lock?.release()
    throw error
  }
}
