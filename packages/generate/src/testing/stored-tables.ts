import { listWeights, type ModelConfig, type NamedArray } from '@stemkit/model'
import { createRowTable, memoryRows, recordBytes, type RowTable } from '@stemkit/store'

/** The tables of a model as rows of a table in memory, with versions and overlays. */
export function storedTables(config: ModelConfig, weights: ReadonlyMap<string, NamedArray>): Promise<RowTable> {
  const tables = tablesOf(config, weights)
  const [rows, width] = tables[0]!.shape as [number, number]
  const layout = { layers: tables.length, width, dtype: 'f32', state: 'none' } as const
  return createRowTable({
    driver: memoryRows({ rows, rowBytes: recordBytes(layout) }),
    layout,
    rows,
    fill: (ids, into) => ids.forEach((id, i) => into.set(rowOf(tables, id), i * layout.layers * width * 4)),
  })
}

/** The bytes of one row: a token's part of each table. */
export function rowOf(tables: readonly NamedArray[], id: number): Uint8Array {
  const parts = tables.map(({ data, shape }) => data.subarray(id * shape[1]!, (id + 1) * shape[1]!))
  return new Uint8Array(Float32Array.from(parts.flatMap((part) => [...part])).buffer)
}

/** The tables of a model in the order of their layers. */
export const tablesOf = (config: ModelConfig, weights: ReadonlyMap<string, NamedArray>): NamedArray[] =>
  [...listWeights(config)].filter(([, { role }]) => role === 'table').map(([name]) => weights.get(name)!)
