import { join, relative } from 'node:path'
import type { RowsReference } from '@stemkit/generate/node'
import { tableRowInitializer, type CustomFeedForwards, type ModelConfig } from '@stemkit/model'
import { StemkitError } from '@stemkit/spec/errors'
import type { OpenRows, RowDriver } from '@stemkit/spec/row-driver'
import { createRowTable, openRowTable, payloadBytes, recordBytes, type RowLayout, type RowTable } from '@stemkit/store'
import { rowStateOf, type RowSnapshot } from '@stemkit/train'
import type { RunConfig } from '../config/schema.ts'

export interface TablesOptions {
  readonly model: ModelConfig
  readonly custom?: CustomFeedForwards | undefined
  readonly runFolder: string
  /** Opens rows by URL. */
  readonly openRows: OpenRows
  /** The version that a checkpoint names; undefined for a new run. */
  readonly resume: RowSnapshot | undefined
  readonly signal: AbortSignal
  readonly onProgress: (text: string) => void
}

/** Where the tables of a run are. */
export function tablesUrl({ store }: RunConfig, runFolder: string): string {
  return store?.url ?? `file:${encodeURI(join(runFolder, 'rows'))}`
}

/** What a model folder in the run folder says of its tables; what is relative to the working folder becomes so to that. */
export function referTo(url: string, modelFolder: string, rows: RowSnapshot): RowsReference {
  const path = /^file:(?!\/)(.*)$/.exec(url)?.[1]
  return { url: path === undefined ? url : `file:${relative(modelFolder, path)}`, ...rows }
}

/**
 * The tables of a run, for writing: new ones with the numbers that the run's seed gives them, or those of a checkpoint.
 * @throws conflict if there are rows of something else, or the checkpoint belongs to other tables
 */
export async function openTables(config: RunConfig, options: TablesOptions): Promise<RowTable> {
  const { runFolder, openRows, resume, signal } = options
  const url = tablesUrl(config, runFolder)
  if (resume) return openVersion(await openRows(url, { signal }), resume, signal)

  const initial = tableRowInitializer(options.model, {
    seed: config.seed,
    tableInit: config.model.tableInit,
    ...(options.custom ? { custom: options.custom } : {}),
  })
  const layout: RowLayout = {
    layers: initial.layers,
    width: initial.width,
    dtype: 'f32',
    state: rowStateOf(config.training.rowOptimizer),
  }
  const create = { rows: initial.rows, rowBytes: recordBytes(layout) }
  const driver = await openRows(url, { create, signal })
  try {
    return await createRowTable({
      driver,
      layout,
      rows: initial.rows,
      fill: (ids, into) => fillRows(ids, into, layout, initial.fill),
      onProgress: ({ rows, totalRows }) =>
        options.onProgress(`making tables: ${Math.floor((100 * rows) / totalRows)}%`),
      signal,
    })
  } catch (error) {
    await driver.dispose()
    throw error
  }
}

async function openVersion(
  driver: RowDriver,
  { table: id, version }: RowSnapshot,
  signal: AbortSignal,
): Promise<RowTable> {
  try {
    const table = await openRowTable({ driver, mode: 'write', version, signal })
    if (table.id === id) return table
    await table.dispose()
  } catch (error) {
    await driver.dispose()
    throw error
  }
  throw new StemkitError(
    'conflict',
    `the store holds another table than ${id}, which the checkpoint was saved with; check store.url`,
  )
}

/** Values of new rows; the optimiser's state begins as zeros. */
function fillRows(
  ids: Uint32Array,
  into: Uint8Array,
  layout: RowLayout,
  fill: (id: number, into: Float32Array) => void,
): void {
  const size = payloadBytes(layout) / 4
  const floats = new Float32Array(into.buffer, into.byteOffset, into.byteLength / 4)
  ids.forEach((id, i) => fill(id, floats.subarray(i * size, i * size + layout.layers * layout.width)))
}
