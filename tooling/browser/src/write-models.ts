import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createModelConfig, initializeWeights, listWeights } from '@stemkit/model'
import { createRowTable, recordBytes } from '@stemkit/store'
import { openFileRows } from '@stemkit/store/node'
import { trainBpe } from '@stemkit/tokenizer/train'
import { fromFloat32 } from '@stemkit/weights'
import { packModel, writeModelFolder } from '@stemkit/weights/node'

const TEXT = 'The state of the union is strong, and the state of the art is stronger than the union of the two. '

const config = createModelConfig({
  vocabSize: 288,
  dim: 64,
  layers: 3,
  heads: 4,
  kvHeads: 2,
  ffnHidden: 96,
  maxLength: 128,
  kind: 'stem',
})

/**
 * Model folders of one small model of random weights: `whole`, `rows-apart`, whose tables are beside it in `rows`, and `packed` in 4 bits.
 */
export async function writeModels(folder: string): Promise<void> {
  const weights = initializeWeights(config, { seed: 5, tableInit: 'unit' })
  const tensors = new Map([...weights].map(([name, { data, shape }]) => [name, fromFloat32(data, shape)]))
  const tokenizerJson = await trainBpe({ texts: [TEXT.repeat(20)], vocabSize: 280 })
  await writeModelFolder(join(folder, 'whole'), { config, tensors, tokenizerJson })
  await packModel(join(folder, 'whole'), join(folder, 'packed'), { matrices: 'q4', tables: 'F32', block: 32 })

  const tables = [...listWeights(config)].filter(([, { role }]) => role === 'table').map(([name]) => name)
  const others = new Map([...tensors].filter(([name]) => !tables.includes(name)))
  const apart = join(folder, 'rows-apart')
  await writeModelFolder(apart, { config, tensors: others, tokenizerJson, optionalTables: true })
  const layout = { layers: tables.length, width: config.ffnHidden, dtype: 'f32', state: 'none' } as const
  const { vocabSize: rows, ffnHidden: width } = config
  const rowOf = (id: number): Uint8Array => {
    const parts = tables.map((name) => weights.get(name)!.data.subarray(id * width, (id + 1) * width))
    return new Uint8Array(Float32Array.from(parts.flatMap((part) => [...part])).buffer)
  }
  const table = await createRowTable({
    driver: await openFileRows(`file:${apart}/rows`, { create: { rows, rowBytes: recordBytes(layout) } }),
    layout,
    rows,
    fill: (ids, into) => ids.forEach((id, i) => into.set(rowOf(id), i * 4 * layout.layers * width)),
  })
  await writeFile(
    join(apart, 'rows.json'),
    JSON.stringify({ url: 'file:rows', table: table.id, version: table.version }),
  )
  await table.dispose()
}
