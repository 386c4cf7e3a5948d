import type { RowDriver, RowOptions } from '@stemkit/spec/row-driver'
import type { RowLayout } from '../layout.ts'
import { decodeText, encodeText, metasOf } from '../table/root.ts'

/**
 * How far the making of a table has come: a meta beside its rows until there is a root, as a line `stemkit-building 1 CRC32`
 * and then JSON. It never says more than what was durable when it was put.
 */
export interface BuildMark {
  /** What the rows come from. */
  readonly source: string
  readonly layout: RowLayout
  readonly rows: number
  /** Rows below this one are written. */
  written: number
  /** CRC-32 of their bytes as they were given. */
  writtenSum: number
  /** Rows below this one were read back. */
  checked: number
  /** CRC-32 of their bytes as they were read. */
  checkedSum: number
}

export const BUILD_MARK = 'building'
const HEAD = 'stemkit-building 1'

export const newMark = (from: Pick<BuildMark, 'source' | 'layout' | 'rows'>): BuildMark => ({
  source: from.source,
  // In one order, to be compared.
  layout: {
    layers: from.layout.layers,
    width: from.layout.width,
    dtype: from.layout.dtype,
    state: from.layout.state,
  },
  rows: from.rows,
  written: 0,
  writtenSum: 0,
  checked: 0,
  checkedSum: 0,
})

/** The mark, 'unreadable' for one that is damaged or of another format, undefined where there is none. */
export async function readMark(driver: RowDriver, options: RowOptions): Promise<BuildMark | 'unreadable' | undefined> {
  const meta = await metasOf(driver).get(BUILD_MARK, options)
  if (meta === undefined) return undefined
  const decoded = decodeText(meta.bytes)
  return decoded?.head === HEAD ? (decoded.value as BuildMark) : 'unreadable'
}

/** Makes what is written durable, then says so. */
export async function putMark(driver: RowDriver, mark: BuildMark, options: RowOptions): Promise<void> {
  const bytes = encodeText(HEAD, mark)
  await driver.flush?.(options)
  await metasOf(driver).put!(BUILD_MARK, bytes, options)
}

/** Whether a mark is of the same rows, as far as one can tell without reading them. */
export const isSameBuild = (mark: BuildMark, wanted: Pick<BuildMark, 'source' | 'layout' | 'rows'>): boolean =>
  JSON.stringify(newMark(mark)) === JSON.stringify(newMark(wanted))
