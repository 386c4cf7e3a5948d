import type { CustomFeedForwards } from '@stemkit/model'
import { findModelRows, loadModel } from '@stemkit/generate/node'
import type { KvCacheType, Model } from '@stemkit/generate'
import type { DriverRegistry } from '@stemkit/plugin'
import { serveEdits, type ServedEdits } from '@stemkit/server'
import { StemkitError } from '@stemkit/spec/errors'
import type { RowOptions } from '@stemkit/spec/row-driver'
import { openRowTable, type RowStore, type RowTable } from '@stemkit/store'
import { requireSameRows } from '../edit/open-edited.ts'

export interface LoadServedOptions {
  readonly store?: string | undefined
  readonly budget?: number | undefined
  readonly slots?: number | undefined
  readonly context?: number | undefined
  readonly threads?: number | undefined
  readonly kvCache?: KvCacheType | undefined
  readonly deterministic?: boolean | undefined
  readonly custom: CustomFeedForwards
  readonly drivers: DriverRegistry
  readonly signal: AbortSignal
  readonly onProgress: (progress: { readonly bytes: number; readonly totalBytes: number }) => void
  /** Told in a line why edits are not read. */
  readonly onWithoutEdits: (line: string) => void
}

export interface LoadedModel {
  readonly model: Model
  /** Of a model whose tables are in a store. */
  readonly edits: ServedEdits | undefined
  dispose(): Promise<void>
}

/** Loads a model to be served, with the edits over its tables. */
export async function loadServed(folder: string, options: LoadServedOptions): Promise<LoadedModel> {
  const model = await loadModel(folder, { ...options, openRows: options.drivers.open })
  try {
    const edits = model.rows && (await openEdits(folder, model.rows, options))
    return {
      model,
      edits,
      async dispose() {
        await edits?.dispose()
        await model.dispose()
      },
    }
  } catch (error) {
    await model.dispose()
    throw error
  }
}

/** Rows of edits get a quarter of the memory that the other rows have, besides. */
const SHARE = 1 / 4
const LEAST_BUDGET = 2 ** 20

async function openEdits(
  folder: string,
  rows: RowStore,
  { store, budget, drivers, signal, onWithoutEdits }: LoadServedOptions,
): Promise<ServedEdits | undefined> {
  const named = store === undefined ? await findModelRows(folder) : undefined
  const place = store ?? named?.url
  if (place === undefined) return undefined
  const url = baseOf(place)
  const openTable = async (mode: 'read' | 'write', cancel: RowOptions): Promise<RowTable> => {
    const table = await open(url, mode, drivers, cancel)
    try {
      if (named && mode === 'write') await requireSameRows(table, named, { folder, mode })
      return table
    } catch (error) {
      await table.dispose()
      throw error
    }
  }
  try {
    const share = budget === undefined ? undefined : Math.max(LEAST_BUDGET, budget * SHARE)
    return await serveEdits({ rows, openTable, budget: share, signal })
  } catch (error) {
    // A model that was saved earlier is served with its rows as they were.
    if (!StemkitError.isInstance(error) || error.code !== 'conflict') throw error
    onWithoutEdits(`edits are not read: ${error.message}`)
    return undefined
  }
}

/** Of layers the one below: only rows of edits are read from it, and what is above would hold none of them yet. */
const baseOf = (url: string): string =>
  url.startsWith('layered:') ? url.slice(url.lastIndexOf(',') + 1).replaceAll(/%2C/gi, ',') : url

/** Readers hold their version where the medium can be written; where not, they read on. */
async function open(
  url: string,
  mode: 'read' | 'write',
  drivers: DriverRegistry,
  cancel: RowOptions,
): Promise<RowTable> {
  const opening = drivers.open(url, cancel)
  const driver = await (mode === 'write'
    ? opening
    : opening.catch(() => drivers.open(url, { readOnly: true, ...cancel })))
  try {
    return await openRowTable({ driver, mode, ...cancel })
  } catch (error) {
    await driver.dispose()
    throw error
  }
}
