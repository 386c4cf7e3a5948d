import { StemkitError } from '@stemkit/spec/errors'
import type { RowDriver, RowOptions } from '@stemkit/spec/row-driver'
import { encodeRoot, metasOf, type Root } from './root.ts'

/** @throws conflict if there is a table */
export async function requireNoTable(driver: RowDriver, options: RowOptions): Promise<void> {
  if ((await metasOf(driver).get('root', options)) === undefined) return
  throw new StemkitError('conflict', 'row table: there is a table already; open it, or make one elsewhere')
}

/**
 * Makes rows that were written, row i to place i, version 1 of a table.
 * @throws conflict if somebody else made one meanwhile
 */
export async function makeFirstVersion(
  driver: RowDriver,
  { layout, rows, garbage = [] }: Pick<Root, 'layout' | 'rows'> & Partial<Pick<Root, 'garbage'>>,
  options: RowOptions,
): Promise<void> {
  const root: Root = {
    id: crypto.randomUUID(),
    layout,
    rows,
    places: rows,
    writer: 0,
    nextVersion: 2,
    nextRecord: 1,
    nextKey: rows,
    versions: [{ version: 1, content: 1, movedRows: 0, kept: false, records: [], overlays: [] }],
    overlays: [],
    records: [],
    garbage,
  }
  await driver.flush?.(options)
  await metasOf(driver).put!('root', encodeRoot(root), { ...options, ifVersion: null })
  await driver.flush?.(options)
}
