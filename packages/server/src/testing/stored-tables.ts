import { createModel, type Model, type ServingOptions } from '@stemkit/generate'
import { compiledEngine } from '@stemkit/compile'
import { nodeRuntime } from '@stemkit/compile/node'
import { listWeights, type ModelConfig, type NamedArray } from '@stemkit/model'
import {
  createRowStore,
  createRowTable,
  encodeRows,
  openRowTable,
  payloadBytes,
  recordBytes,
  type RowLayout,
  type RowStore,
  type RowTable,
} from '@stemkit/store'
import { fileRows } from '@stemkit/store/node'
import { serveEdits, type ServedEdits, type ServeEditsOptions } from '../edits/serve-edits.ts'
import { tinyModel } from './tiny-served.ts'

/** The names of a model's tables, in the order of their layers. */
export const tableNames = (config: ModelConfig): string[] =>
  [...listWeights(config)].filter(([, { role }]) => role === 'table').map(([name]) => name)

/** Puts the tables of a model into a folder, as a table that is open for writing. */
export async function storeTables(
  folder: string,
  { config, weights }: { readonly config: ModelConfig; readonly weights: ReadonlyMap<string, NamedArray> },
): Promise<RowTable> {
  const tables = tableNames(config).map((name) => weights.get(name)!)
  const width = tables[0]!.shape[1]!
  const layout: RowLayout = { layers: tables.length, width, dtype: 'f32', state: 'none' }
  const driver = await fileRows(folder, { create: { rows: config.vocabSize, rowBytes: recordBytes(layout) } })
  return createRowTable({
    driver,
    layout,
    rows: config.vocabSize,
    fill: (ids, into) => {
      const blocks = new Float32Array(tables.length * ids.length * width)
      for (const [layer, { data }] of tables.entries()) {
        for (const [i, id] of ids.entries()) {
          blocks.set(data.subarray(id * width, (id + 1) * width), (layer * ids.length + i) * width)
        }
      }
      const slots = Uint32Array.from(ids.keys())
      encodeRows(layout, blocks, { bytes: into, stride: payloadBytes(layout), slots })
    },
  })
}

export interface EditedModel {
  readonly model: Model
  readonly edits: ServedEdits
  readonly store: RowStore
  readonly openTable: ServeEditsOptions['openTable']
  /** What the model was made of, its tables in memory. */
  readonly source: Pick<Model, 'config' | 'weights' | 'tokenizer'>
  dispose(): Promise<void>
}

/** A very small model whose tables are in a folder, and the edits over them. */
export async function editedModel(folder: string, serving: ServingOptions = {}): Promise<EditedModel> {
  const inMemory = await tinyModel()
  const { config, weights, tokenizer } = inMemory
  const isNew = await fileRows(folder).then(
    async (driver) => {
      await driver.dispose()
      return false
    },
    () => true,
  )
  if (isNew) await (await storeTables(folder, { config, weights: weights as Map<string, NamedArray> })).dispose()
  await inMemory.dispose()
  const openTable = async (mode: 'read' | 'write') => openRowTable({ driver: await fileRows(folder), mode })
  const rows = createRowStore({ table: await openTable('read'), budget: 2 ** 20 })
  const engine = compiledEngine(nodeRuntime(), { threads: 1 })
  const model = await createModel({ config, weights, tokenizer, rows, engine, ...serving })
  const edits = await serveEdits({ rows, openTable })
  return {
    model,
    edits,
    store: rows,
    openTable,
    source: { config, weights, tokenizer },
    async dispose() {
      await edits.dispose()
      await model.dispose()
    },
  }
}
