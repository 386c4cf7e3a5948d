import { createRowPlan, createRowStore, memoryRows } from '@stemkit/store'
import { batchesOf, realTokens } from './real-batches.ts'
import type { BenchmarkOptions, Result } from './report.ts'

/** Rows, L, w: more rows, then wider ones. All float32 with AdamW's state, in memory that holds an eighth. */
const TABLES = [
  [8192, 1, 64],
  [65_536, 1, 64],
  [1_048_576, 1, 64],
  [8192, 1, 1408],
  [8192, 5, 1408],
] as const

/** What the store takes of a step, rows in another memory: a lease of a batch's rows, all changed, write-back of others. */
export async function measureGrowth({ progress, quick, signal }: BenchmarkOptions): Promise<Result[]> {
  const results: Result[] = []
  for (const [rows, layers, width] of TABLES) {
    signal?.throwIfAborted()
    const layout = { layers, width, dtype: 'f32', state: 'adam' } as const
    const rowBytes = layers * width * 12
    const store = createRowStore({
      table: { ...memoryRows({ rows, rowBytes }), layout },
      budget: (rows * rowBytes) / 8,
    })
    const batches = batchesOf(realTokens(rows), quick ? 10 : 60)
    const times: number[] = []
    for (const ids of batches) {
      const plan = createRowPlan(ids, { rows })
      if (plan.unique.length > store.capacity) continue
      const start = performance.now()
      const lease = await store.lease(plan)
      lease.release({ changed: true })
      times.push(performance.now() - start)
    }
    const warm = times.slice(Math.floor(times.length / 3)).toSorted((a, b) => a - b)
    const name = `${rows} rows of ${layers}x${width}`
    const { cache } = store.stats()
    progress(`${name}: ${warm[warm.length >> 1]?.toFixed(2)} ms a step, hit rate ${cache!.hitRate.toFixed(3)}`)
    results.push(
      { metric: `lease, ${name}`, value: warm[warm.length >> 1] ?? null, unit: 'ms a step', target: null },
      { metric: `hit rate, ${name}`, value: cache!.hitRate, unit: 'of rows', target: null },
    )
    await store.dispose()
  }
  return results
}
