import { StemkitError } from '@stemkit/spec/errors'
import type { OpenRows, RowOptions } from '@stemkit/spec/row-driver'
import { createRowStore, openRowTable, type RowStore, type RowTable } from '@stemkit/store'
import { overlayRows } from './overlay-rows.ts'
import type { OpenOverlay } from './request-rows.ts'

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

export interface OpenTablesOptions {
  readonly openRows: OpenRows
  /** Bytes of memory for rows. Default 256 MiB. */
  readonly budget?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** Rows, and how to lay overlays of their table over them. */
export interface OpenTables {
  readonly rows: RowStore
  readonly openOverlay: OpenOverlay
}

const BUDGET = 256 * 2 ** 20

/**
 * Rows by URL, read only.
 * @throws conflict if they are not of the table that is asked for; what drivers throw
 */
export async function openTablesAt(
  { url, table: id, version }: Pick<RowsReference, 'url'> & Partial<RowsReference>,
  { openRows, budget = BUDGET, signal }: OpenTablesOptions,
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

/** @throws corrupt, naming the file, for what does not say where rows are */
export function checkReference(path: string, value: unknown): RowsReference {
  const { url, table, version } = (value ?? {}) as Partial<RowsReference>
  if (typeof url === 'string' && typeof table === 'string' && Number.isInteger(version)) {
    return { url, table, version: version! }
  }
  throw new StemkitError('corrupt', `${path} does not say where rows are: { url, table, version }`)
}
