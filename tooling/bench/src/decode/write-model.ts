import { join } from 'node:path'
import { listWeights, type ModelConfig } from '@stemkit/model'
import { createRowTable, payloadBytes, recordBytes } from '@stemkit/store'
import { openFileRows } from '@stemkit/store/node'
import { gpt2TokenizerJson } from '@stemkit/tokenizer'
import { fromFloat32, packTensors, type TensorInfo, type TensorSource } from '@stemkit/weights'
import { writeModelFolder } from '@stemkit/weights/node'
import { fillRow, tablesLayout } from './stemkit/model.ts'
import { randomWeight } from './twin.ts'

const SEED = 5

export interface MakeTablesOptions {
  readonly signal?: AbortSignal | undefined
}

/** Makes the tables of a model as rows in a file, int8, and returns which table that is. */
export async function makeTables(
  config: ModelConfig,
  url: string,
  { signal }: MakeTablesOptions = {},
): Promise<string> {
  const layout = tablesLayout(config)!
  const { vocabSize: rows } = config
  const rowBytes = payloadBytes(layout)
  const driver = await openFileRows(url, { create: { rows, rowBytes: recordBytes(layout) } })
  const fill = (ids: Uint32Array, into: Uint8Array): void => {
    ids.forEach((id, i) => fillRow(layout, id, into.subarray(i * rowBytes, (i + 1) * rowBytes)))
  }
  const table = await createRowTable({ driver, layout, rows, fill, ...(signal ? { signal } : {}) })
  await table.dispose()
  return table.id
}

/**
 * A model folder of random weights in 4 bits, its tables beside it as int8 rows in a file, and a tokenizer that knows printable
 * ASCII characters.
 */
export async function writeBenchModel(
  folder: string,
  config: ModelConfig,
  options: MakeTablesOptions = {},
): Promise<void> {
  const table = await makeTables(config, `file:${join(folder, 'rows')}`, options)
  const infos = new Map<string, TensorInfo>()
  for (const [name, { shape, role }] of listWeights(config)) {
    if (role !== 'table') infos.set(name, { dtype: 'F32', shape })
  }
  const source: TensorSource = {
    tensors: infos,
    read: async (name) => fromFloat32(randomWeight(config, name, SEED), infos.get(name)!.shape),
  }
  const files = new Map([['rows.json', JSON.stringify({ url: 'file:rows', table, version: 1 })]])
  await writeModelFolder(
    folder,
    {
      config,
      tensors: packTensors(source, { matrices: 'q4' }),
      tokenizerJson: gpt2TokenizerJson(vocabularyOf(config.vocabSize), ''),
      files,
      optionalTables: true,
    },
    options.signal ? { signal: options.signal } : {},
  )
}

function vocabularyOf(size: number): Record<string, number> {
  const characters = Array.from({ length: 94 }, (_, i) => String.fromCharCode(33 + i))
  const known = [...characters, '\u0120']
  const words = Array.from({ length: size - known.length - 1 }, (_, i) => `word${i}`)
  return Object.fromEntries([...known, ...words, '<|endoftext|>'].map((token, id) => [token, id]))
}
