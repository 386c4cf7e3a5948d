import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { StemkitError } from '@stemkit/spec/errors'
import type { OpenRows, RowOptions } from '@stemkit/spec/row-driver'
import { createRowStore, openRowTable, type RowStore, type RowTable } from '@stemkit/store'
import { openFileRows } from '@stemkit/store/node'
import { overlayRows } from '../rows/overlay-rows.ts'
import type { OpenOverlay } from '../rows/request-rows.ts'

/** The file of a model folder that says where the rows of its tables are, if they are not among its weights. */
export const ROWS_FILE = 'rows.json'

/** What it says. */
export interface RowsReference {
  /** `file:` URLs without a leading slash are relative to the model folder. */
  readonly url: string
  /** Which table that is, and which of its versions. */
  readonly table: string
  readonly version: number
}

export interface OpenModelRowsOptions {
  /** Opens URLs of other schemes than `file:`. */
  readonly openRows?: OpenRows | undefined
  /** Bytes of memory for rows. Default 256 MiB. */
  readonly budget?: number | undefined
  readonly signal?: AbortSignal | undefined
}

const BUDGET = 256 * 2 ** 20

/**
 * The rows that a model folder names, read only, at the version that it names, or a later one of the same rows, which differs
 * in overlays alone; undefined if it names none.
 * @throws corrupt for a file that says something else, conflict if the rows are another table's; what drivers throw
 */
export async function openModelRows(folder: string, options: OpenModelRowsOptions = {}): Promise<RowStore | undefined> {
  return (await openTablesOf(folder, options))?.rows
}

/** Rows, and how to lay overlays of their table over them. */
export interface OpenTables {
  readonly rows: RowStore
  readonly openOverlay: OpenOverlay
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
export async function openTablesAt(
  { url, table: id, version }: Pick<RowsReference, 'url'> & Partial<RowsReference>,
  { openRows = openFileRows, budget = BUDGET, signal }: OpenModelRowsOptions,
): Promise<OpenTables> {
  const cancel = signal ? { signal } : {}
  const driver = await openRows(url, { readOnly: true, ...cancel })
  try {
    const table = await openRowTable({ driver, mode: 'read', ...(version ? { version } : {}), ...cancel })
    if (id !== undefined && table.id !== id) {
      throw new StemkitError(
        'conflict',
        `the rows at ${schemeOf(url)} are of table ${table.id}, the model was saved with ${id}; point it to its own rows`,
      )
    }
    if (version !== undefined) await standOnNewestOverlays(table, cancel)
    const rows = createRowStore({ table, budget })
    return { rows, openOverlay: (names) => overlayRows(table, names, { base: rows }) }
  } catch (error) {
    await driver.dispose()
    throw error
  }
}

/** Moves to the newest version where that has the same rows, and differs in overlays alone. */
async function standOnNewestOverlays(table: RowTable, options: RowOptions): Promise<void> {
  const { version, content } = table
  const newest = (await table.versions(options)).reduce((a, b) => (b.version > a.version ? b : a))
  if (newest.version === version || newest.content !== content) return
  await table.refresh(options)
  if (table.content === content) return
  throw new StemkitError('conflict', `the rows of version ${version} were written while they were opened; try again`)
}

/** URLs may hold passwords. */
const schemeOf = (url: string): string => (url.startsWith('file:') ? url : `${url.split(':')[0]}:...`)

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
  const value = parse(text) as Partial<RowsReference> | undefined
  const { url, table, version } = value ?? {}
  if (typeof url === 'string' && typeof table === 'string' && Number.isInteger(version)) {
    return { url, table, version: version! }
  }
  throw new StemkitError('corrupt', `${path} does not say where rows are: { url, table, version }`)
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
