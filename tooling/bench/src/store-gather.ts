import { createRowPlan, createRowStore, memoryRows } from '@stemkit/store'
import { batchesOf, realTokens } from './real-batches.ts'
import type { BenchmarkOptions, Result } from './report.ts'
import { interleave, medianRatio } from './timing.ts'

const ROWS = 8192
/** L x w. From 16 KiB a row, the target holds. */
const SHAPES = [
  [1, 256],
  [1, 1024],
  [1, 4096],
  [5, 1408],
  [6, 2048],
] as const
const NARROWEST_TARGET = 16 * 1024

/**
 * Bytes a second that `gather` delivers of rows that are in the cache, against those that one large copy of memory moves: as
 * many bytes, from anywhere in as much memory, all of it written before (pages that never were are one and the same, and
 * reading them costs nothing). Beside it, to tell what the store costs from what scattered rows cost: a loop that does
 * nothing but copy the same rows, from memory like the cache's, and a lease of them, which copies nothing.
 */
export async function measureGather({ progress, quick, signal }: BenchmarkOptions): Promise<Result[]> {
  const tokens = realTokens(ROWS)
  const results: Result[] = []
  const ratios: number[] = []
  for (const [layers, width] of SHAPES) {
    signal?.throwIfAborted()
    const layout = { layers, width, dtype: 'f32', state: 'none' } as const
    const rowBytes = layers * width * 4
    const budget = (ROWS * rowBytes) / 8
    const store = createRowStore({ table: { ...memoryRows({ rows: ROWS, rowBytes }), layout }, budget })
    const plans = batchesOf(tokens, quick ? 8 : 40)
      .map((ids) => createRowPlan(ids, { rows: ROWS }))
      .filter(({ unique }) => unique.length * 2 < store.capacity)
    const largest = Math.max(...plans.map(({ unique }) => unique.length))
    const room = new Float32Array(largest * layers * width)
    const source = new Float32Array(budget / 4).fill(1)
    const slab = new Float32Array(budget / 4).fill(1)
    let next = 0
    await store.prefetch(plans[0]!)
    const sizes: number[] = []
    const perByte = (milliseconds: number, bytes: number): number => (milliseconds / bytes) * 1e9
    const sides = {
      gather: {
        run: async () => {
          const plan = plans[next++ % plans.length]!
          sizes.push(plan.unique.length)
          const blocks = room.subarray(0, plan.unique.length * layers * width)
          // Its rows were fetched before those of the batch before it were used, as a step has them fetched.
          await store.prefetch(plans[next % plans.length]!)
          const start = performance.now()
          await store.gather(plan, blocks)
          return perByte(performance.now() - start, blocks.byteLength)
        },
      },
      loop: {
        run: async () => {
          const { unique } = plans[next % plans.length]!
          const slots = Array.from(unique, () => Math.floor(Math.random() * (slab.length / (layers * width))))
          const start = performance.now()
          copyRows(slab, slots, room, layers, width)
          return perByte(performance.now() - start, unique.length * rowBytes)
        },
      },
      lease: {
        run: async () => {
          const plan = plans[next % plans.length]!
          const start = performance.now()
          const lease = await store.lease(plan)
          const took = performance.now() - start
          lease.release()
          // What it would have been announced for comes later.
          await store.prefetch(plan)
          return took
        },
      },
      memcpy: {
        run: async () => {
          const length = Math.min(room.length, source.length)
          const from = Math.floor(Math.random() * (source.length - length))
          const start = performance.now()
          room.set(source.subarray(from, from + length))
          return perByte(performance.now() - start, length * 4)
        },
      },
    }
    const times = await interleave(sides, { rounds: quick ? 5 : 41, warmUp: 6, ...(signal ? { signal } : {}) })
    const { hits, misses } = store.stats().cache!
    const ratio = medianRatio(times.memcpy, times.gather)
    if (rowBytes >= NARROWEST_TARGET) ratios.push(ratio)
    const name = `${layers}x${width}`
    progress(`gather ${name}: ${ratio.toFixed(2)} of memcpy`)
    results.push(
      {
        metric: `cached_gather_vs_memcpy ${name}`,
        value: ratio,
        unit: `ratio, rows of ${rowBytes / 1024} KiB`,
        target: null,
      },
      { metric: `gather ${name}`, value: 1e3 / times.gather.median, unit: 'GB/s', target: null },
      { metric: `memcpy ${name}`, value: 1e3 / times.memcpy.median, unit: 'GB/s', target: null },
      {
        metric: `scattered copies vs memcpy ${name}`,
        value: medianRatio(times.memcpy, times.loop),
        unit: 'ratio',
        target: null,
      },
      { metric: `lease ${name}`, value: times.lease.median * 1e3, unit: 'us a batch', target: null },
      { metric: `gathered from cache ${name}`, value: hits / (hits + misses), unit: 'of rows', target: null },
    )
    if (layers === SHAPES[0][0] && width === SHAPES[0][1]) {
      const unique = sizes.reduce((a, b) => a + b, 0) / sizes.length
      results.push({ metric: 'unique_rows', value: unique, unit: `rows a batch of ${tokens.name}`, target: null })
    }
    await store.dispose()
  }
  return [
    {
      metric: 'cached_gather_vs_memcpy',
      value: Math.min(...ratios),
      unit: 'ratio, rows of 16 KiB and more',
      target: '>= 0.7',
    },
    ...results,
  ]
}

function copyRows(
  from: Float32Array,
  slots: readonly number[],
  into: Float32Array,
  layers: number,
  width: number,
): void {
  for (const [i, slot] of slots.entries()) {
    for (let layer = 0; layer < layers; layer++) {
      const start = (slot * layers + layer) * width
      into.set(from.subarray(start, start + width), (layer * slots.length + i) * width)
    }
  }
}
