import { findModelRows } from '@stemkit/generate/node'
import { StemkitError } from '@stemkit/spec/errors'
import type { Tokenizer } from '@stemkit/spec/tokenizer'
import { createRowTable, memoryRows, openRowTable, recordBytes, type RowTable } from '@stemkit/store'
import { loadTokenizerFolder } from '@stemkit/tokenizer/node'
import { readModelFolder } from '@stemkit/weights/node'
import { withContext, type Context } from '../store/context.ts'
import { rowsOfModel } from '../store/rows-of-model.ts'
import type { Common } from './options.ts'

/** What a verb works with. */
export interface Edited extends Context {
  readonly table: RowTable
  readonly tokenizer: Tokenizer | undefined
}

/** `look`: tables among a model's weights will do. `write`: edits are made or undone. */
export type Mode = 'look' | 'read' | 'write'

/** Runs a verb over the tables of a model folder. */
export async function withEdited(
  folder: string,
  { mode, ...options }: Common & { readonly mode: Mode },
  work: (edited: Edited) => Promise<void>,
): Promise<void> {
  await withContext(options, async (context) => {
    const tokenizer = await tokenizerOf(folder, context.signal)
    const table = await openTable(folder, { mode, ...options }, context)
    try {
      await work({ ...context, table, tokenizer })
    } finally {
      await table.dispose()
    }
  })
}

async function tokenizerOf(folder: string, signal: AbortSignal): Promise<Tokenizer | undefined> {
  const files = await readModelFolder(folder, { optionalTables: true, signal })
  try {
    return files.tokenizerPath === undefined ? undefined : await loadTokenizerFolder(files.tokenizerPath, { signal })
  } finally {
    await files.dispose()
  }
}

async function openTable(
  folder: string,
  { mode, store }: Common & { readonly mode: Mode },
  { open, signal }: Context,
): Promise<RowTable> {
  const named = store === undefined ? await findModelRows(folder) : undefined
  const url = store ?? named?.url
  if (url === undefined) {
    if (mode === 'look') return tableInMemory(folder, signal)
    throw new StemkitError(
      'bad-input',
      `edit: ${folder} has its tables among its weights; make rows of them by stem store create URL --from ${folder}, and name them by --store`,
    )
  }
  const driver = await open(url, { readOnly: mode !== 'write', signal })
  const table = await openRowTable({ driver, mode: mode === 'write' ? 'write' : 'read', signal }).catch(
    async (error: unknown) => {
      await driver.dispose()
      throw error
    },
  )
  try {
    if (named) await requireSameRows(table, named, { folder, mode })
    return table
  } catch (error) {
    await table.dispose()
    throw error
  }
}

/** Edits lie over the newest rows; a model that was saved with others would not read them. */
export async function requireSameRows(
  table: RowTable,
  named: { readonly table: string; readonly version: number },
  { folder, mode }: { readonly folder: string; readonly mode: Mode },
): Promise<void> {
  const saved = (await table.versions()).find(({ version }) => version === named.version)
  if (table.id === named.table && saved?.content === table.content) {
    if (saved.kept || mode !== 'write') return
    throw new StemkitError(
      'conflict',
      `edit: ${folder} names version ${named.version} of its rows, which is not kept and would be gone with the edit; keep one by stem store snapshot`,
    )
  }
  throw new StemkitError(
    'conflict',
    `edit: the rows have changed since ${folder} was saved with version ${named.version} of them; edit a model that was saved later, or name the rows by --store`,
  )
}

/** For looking only: the tables of a model that has no store. */
async function tableInMemory(folder: string, signal: AbortSignal): Promise<RowTable> {
  const source = await rowsOfModel(folder, signal)
  try {
    const { rows, layers, width } = source
    const layout = { layers, width, dtype: 'f32', state: 'none' } as const
    const driver = memoryRows({ rows, rowBytes: recordBytes(layout) })
    return await createRowTable({
      driver,
      layout,
      rows,
      fill: (ids, into) => source.encode(layout, ids, into),
      signal,
    })
  } finally {
    await source.dispose()
  }
}
