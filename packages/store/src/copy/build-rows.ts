import { StemkitError } from '@stemkit/spec/errors'
import type { RowDriver } from '@stemkit/spec/row-driver'
import { crc32 } from '../codec/checksum.ts'
import { payloadBytes, type RowLayout } from '../layout.ts'
import { rowIo } from '../table/row-io.ts'
import { putMark, type BuildMark } from './build-mark.ts'

export interface Build {
  readonly driver: RowDriver
  readonly layout: RowLayout
  readonly rows: number
  readonly fill: (ids: Uint32Array, into: Uint8Array) => void | Promise<void>
  readonly checkpointMs: number
  /** Rows moved at a time. */
  readonly pieceRows: number
  /** Aborted by the caller, or with `lost`. */
  readonly signal: AbortSignal
  /** Aborted once somebody else may be writing. */
  readonly lost: AbortSignal | undefined
}

/** Longest that a build which ends early takes to say how far it came. */
const LAST_WORD_MS = 3000
/** Rows of an earlier try that are compared with the source before it is gone on with. */
const SAMPLE = 8
const ZEROS_BYTES = 4 * 2 ** 20

const isCorrupt = (error: unknown): boolean => StemkitError.isInstance(error) && error.code === 'corrupt'

const range = (first: number, end: number): Uint32Array =>
  Uint32Array.from({ length: end - first }, (_, i) => first + i)

/** Whether rows that an earlier try wrote differ from what the source gives now, by a sample of them. */
export async function isStale({ driver, layout, fill, signal }: Build, { written }: BuildMark): Promise<boolean> {
  const io = rowIo(driver, layout)
  const [there, given] = [new Uint8Array(io.rowBytes), new Uint8Array(io.rowBytes)]
  const count = Math.min(SAMPLE, written)
  for (let i = 1; i <= count; i++) {
    const id = Uint32Array.of(Math.floor((i * written) / count) - 1)
    try {
      await io.read({ ids: id, places: id, signal }, there)
    } catch (error) {
      // Damaged is another matter: it is found again, and mended, when rows are read back.
      if (isCorrupt(error)) continue
      throw error
    }
    await fill(id, given.fill(0))
    if (there.some((byte, at) => byte !== given[at])) return true
  }
  return false
}

/** @throws conflict if there is anything in the rows */
export async function requireZeros(driver: RowDriver, signal: AbortSignal): Promise<void> {
  const step = Math.max(1, Math.floor(ZEROS_BYTES / driver.rowBytes))
  const bytes = new Uint8Array(Math.min(step, driver.rows) * driver.rowBytes)
  for (let first = 0; first < driver.rows; first += step) {
    const ids = range(first, Math.min(first + step, driver.rows))
    const rows = bytes.subarray(0, ids.length * driver.rowBytes)
    await driver.read(ids, rows, { signal })
    if (rows.some((byte) => byte !== 0)) {
      throw new StemkitError(
        'conflict',
        'row table: there are rows that are no table and no part of one; take another place',
      )
    }
  }
}

/** Writes the rows from `mark.written` on, the next ones read meanwhile. */
export async function writeRows(build: Build, mark: BuildMark, onRows: (rows: number) => void): Promise<void> {
  const { driver, layout, rows, fill, pieceRows, signal } = build
  const io = rowIo(driver, layout)
  const blocks = [0, 1].map(() => new Uint8Array(Math.min(pieceRows, rows - mark.written) * io.rowBytes))
  const checkpoints = checkpointsOf(build, mark)
  let writing = Promise.resolve()
  const write = async (ids: Uint32Array, block: Uint8Array): Promise<void> => {
    await io.write({ ids, places: ids, signal }, block)
    mark.writtenSum = crc32(block, mark.writtenSum)
    mark.written += ids.length
    onRows(mark.written)
  }
  try {
    for (let first = mark.written, turn = 0; first < rows; first += pieceRows, turn ^= 1) {
      signal.throwIfAborted()
      const ids = range(first, Math.min(first + pieceRows, rows))
      const block = blocks[turn]!.subarray(0, ids.length * io.rowBytes)
      await fill(ids, block.fill(0))
      await writing
      await checkpoints.ifDue()
      writing = write(ids, block)
      // Whether it failed is asked above and below, perhaps much later.
      writing.catch(() => undefined)
    }
    await writing
    await checkpoints.now()
  } catch (error) {
    await writing.catch(() => undefined)
    await checkpoints.atTheEnd()
    throw error
  }
}

/**
 * Reads the rows back from `mark.checked` on. Damaged ones are written once more.
 * @throws corrupt if they are damaged again, or all of them together are not what was written
 */
export async function checkRowsBack(build: Build, mark: BuildMark, onRows: (rows: number) => void): Promise<void> {
  const { driver, layout, rows, fill, pieceRows, signal } = build
  const io = rowIo(driver, layout)
  const block = new Uint8Array(Math.min(pieceRows, rows - mark.checked) * payloadBytes(layout))
  const checkpoints = checkpointsOf(build, mark)
  try {
    while (mark.checked < rows) {
      signal.throwIfAborted()
      const ids = range(mark.checked, Math.min(mark.checked + pieceRows, rows))
      const bytes = block.subarray(0, ids.length * io.rowBytes)
      const where = { ids, places: ids, signal }
      try {
        await io.read(where, bytes)
      } catch (error) {
        if (!isCorrupt(error)) throw error
        await fill(ids, bytes.fill(0))
        await io.write(where, bytes)
        await driver.flush?.({ signal })
        await io.read(where, bytes)
      }
      mark.checkedSum = crc32(bytes, mark.checkedSum)
      mark.checked += ids.length
      onRows(mark.checked)
      await checkpoints.ifDue()
    }
  } catch (error) {
    await checkpoints.atTheEnd()
    throw error
  }
  if (mark.checkedSum === mark.writtenSum) return
  Object.assign(mark, { written: 0, writtenSum: 0, checked: 0, checkedSum: 0 })
  await putMark(driver, mark, { signal })
  throw new StemkitError('corrupt', 'row table: its rows are not those that were written; make it again')
}

function checkpointsOf({ driver, checkpointMs, signal, lost }: Build, mark: BuildMark) {
  let last = performance.now()
  const put = async (stop: AbortSignal): Promise<void> => {
    await putMark(driver, mark, { signal: stop })
    last = performance.now()
  }
  return {
    now: () => put(signal),
    async ifDue() {
      if (performance.now() - last >= checkpointMs) await put(signal)
    },
    /** After a failure: what stood still stands if this fails as well. */
    async atTheEnd() {
      if (lost?.aborted !== true) await put(AbortSignal.timeout(LAST_WORD_MS)).catch(() => undefined)
    },
  }
}
