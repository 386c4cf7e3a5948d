import { listWeights, type CustomFeedForwards, type ModelConfig, type NamedArray } from '@stemkit/model'
import { createRowPlan, createRowStore, memoryRows } from '@stemkit/store'

/** The table rows of one sequence. */
interface SequenceRows {
  /** Row of each position in the blocks [T]. */
  readonly inverse: Int32Array
  /** By table: the rows of the distinct ids [U, w]. */
  readonly blocks: Readonly<Record<string, Float32Array>>
}

export interface TableRows {
  gather(ids: Int32Array, signal?: AbortSignal): Promise<SequenceRows>
  dispose(): Promise<void>
}

/** The tables of a model as row stores over the weights' own memory: nothing is copied until rows are asked for. */
export function openTableRows(
  config: ModelConfig,
  weights: ReadonlyMap<string, NamedArray>,
  custom?: CustomFeedForwards,
): TableRows {
  const tables = [...listWeights(config, custom)]
    .filter(([, { role }]) => role === 'table')
    .map(([name, { shape }]) => {
      const [rows, width] = shape as [number, number]
      const driver = memoryRows({ rows, rowBytes: 4 * width, buffer: weights.get(name)!.data })
      const layout = { layers: 1, width, dtype: 'f32', state: 'none' } as const
      return { name, width, store: createRowStore({ table: { ...driver, layout } }) }
    })
  const scratch = new Int32Array(tables.length === 0 ? 0 : config.vocabSize)

  return {
    async gather(ids, signal) {
      if (tables.length === 0) return { inverse: new Int32Array(ids.length), blocks: {} }
      const plan = createRowPlan(ids, { rows: config.vocabSize, scratch })
      const blocks: Record<string, Float32Array> = {}
      for (const { name, width, store } of tables) {
        blocks[name] = new Float32Array(plan.unique.length * width)
        await store.gather(plan, blocks[name], signal ? { signal } : {})
      }
      return { inverse: plan.inverse, blocks }
    },
    async dispose() {
      for (const { store } of tables) await store.dispose()
    },
  }
}
