import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { StemkitError } from '@stemkit/spec/errors'
import type { OpenRows } from '@stemkit/spec/row-driver'
import type { RowStore } from '@stemkit/store'
import { openFileRows } from '@stemkit/store/node'
import {
  checkReference,
  openTablesAt as openTables,
  ROWS_FILE,
  type OpenTables,
  type RowsReference,
} from '../rows/open-tables.ts'

export interface OpenModelRowsOptions {
  /** Opens URLs of other schemes than `file:`. */
  readonly openRows?: OpenRows | undefined
  /** Bytes of memory for rows. Default 256 MiB. */
  readonly budget?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * The rows that a model folder names, read only, at the version that it names, or a later one of the same rows, which differs
 * in overlays alone; undefined if it names none.
 * @throws corrupt for a file that says something else, conflict if the rows are another table's; what drivers throw
 */
export async function openModelRows(folder: string, options: OpenModelRowsOptions = {}): Promise<RowStore | undefined> {
  return (await openTablesOf(folder, options))?.rows
}

/** As `openModelRows`. */
export async function openTablesOf(folder: string, options: OpenModelRowsOptions): Promise<OpenTables | undefined> {
  const reference = await findModelRows(folder)
  return reference && openTablesAt(reference, options)
}

/** Where a model folder says that its rows are, as a URL from here; undefined if it says nothing. @throws corrupt, io */
export async function findModelRows(folder: string): Promise<RowsReference | undefined> {
  const reference = await readReference(join(folder, ROWS_FILE))
  return reference && { ...reference, url: relativeTo(folder, reference.url) }
}

/**
 * Rows by URL, read only, for `loadModel` and `createModel`.
 * @throws conflict if they are not of the table that is asked for; what drivers throw
 */
export async function openRowsAt(
  place: Pick<RowsReference, 'url'> & Partial<RowsReference>,
  options: OpenModelRowsOptions = {},
): Promise<RowStore> {
  return (await openTablesAt(place, options)).rows
}

/** As `openRowsAt`. */
export const openTablesAt = (
  place: Pick<RowsReference, 'url'> & Partial<RowsReference>,
  { openRows = openFileRows, ...options }: OpenModelRowsOptions,
): Promise<OpenTables> => openTables(place, { ...options, openRows })

const relativeTo = (folder: string, url: string): string => {
  const path = /^file:(?!\/)(.*)$/.exec(url)?.[1]
  return path === undefined ? url : `file:${join(encodeURI(folder), path)}`
}

async function readReference(path: string): Promise<RowsReference | undefined> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new StemkitError('io', `${path} cannot be read: ${(error as Error).message}`, { cause: error })
  }
  return checkReference(path, parse(text))
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
