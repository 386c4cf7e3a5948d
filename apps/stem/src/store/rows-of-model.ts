import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { tableRowInitializer } from '@stemkit/model'
import { encodeRows, payloadBytes } from '@stemkit/store'
import { toFloat32 } from '@stemkit/weights'
import { readModelFolder, type ModelFolder } from '@stemkit/weights/node'
import type { NewRows } from './new-rows.ts'

/**
 * The tables among the weights of a model folder as rows. Each layer's [V, w] is read where it lies, as many rows of it as
 * are asked for: memory holds those and no more, however large the tables are.
 */
export async function rowsOfModel(folder: string, signal: AbortSignal): Promise<NewRows> {
  const model = await readModelFolder(folder, { signal })
  try {
    const { rows, layers, width } = tableRowInitializer(model.config, { seed: 0 })
    const names = tableNames(model)
    let blocks = new Float32Array(0)
    return {
      name: `model ${await stampOf(folder)}`,
      rows,
      layers,
      width,
      async encode(layout, ids, into) {
        const [first, count] = [ids[0] ?? 0, ids.length]
        const size = count * width
        if (blocks.length !== layers * size) blocks = new Float32Array(layers * size)
        for (const [layer, name] of names.entries()) {
          await readRows(model, name, first, blocks.subarray(layer * size, (layer + 1) * size), signal)
        }
        encodeRows(layout, blocks, { bytes: into, stride: payloadBytes(layout) })
      },
      dispose: () => model.dispose(),
    }
  } catch (error) {
    await model.dispose()
    throw error
  }
}

/** Names of the tables, in the order of their layers. */
function tableNames({ config }: ModelFolder): string[] {
  return config.feedForwards.flatMap((kind, layer) =>
    kind === 'stem' ? `model.layers.${layer}.mlp.stem_table.weight` : [],
  )
}

/** Fills `into` [n, w] with the rows of a table from `first` on. */
async function readRows(
  { tensors }: ModelFolder,
  name: string,
  first: number,
  into: Float32Array,
  signal: AbortSignal,
): Promise<void> {
  const { dtype, shape } = tensors.tensors.get(name)!
  const rows = { begin: first, end: first + into.length / shape[1]! }
  const bytes = new Uint8Array(into.buffer, into.byteOffset, into.byteLength)
  if (dtype === 'F32') await tensors.read(name, { rows, into: bytes, signal })
  else into.set(toFloat32(await tensors.read(name, { rows, signal })))
}

/** Names, sizes and times of the files that hold the weights: what changes when they do. */
async function stampOf(folder: string): Promise<string> {
  const files = (await readdir(folder)).filter((file) => file.endsWith('.safetensors')).toSorted()
  const stamps = await Promise.all(
    files.map(async (file) => {
      const { size, mtimeMs } = await stat(join(folder, file))
      return `${file} ${size} ${mtimeMs}`
    }),
  )
  return stamps.join(', ')
}
