import { open, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createRowPlan, createRowTable, recordBytes, type RowLayout } from '@stemkit/store'
import { fileRows } from '@stemkit/store/node'
import { batchesOf, realTokens } from './real-batches.ts'
import type { BenchmarkOptions, Result } from './report.ts'
import { interleave, medianRatio } from './timing.ts'

const ROWS = 32_768
const SHAPES = [
  { layers: 1, width: 1024 },
  { layers: 1, width: 4096 },
  { layers: 5, width: 1408 },
] as const
/** As the file driver merges, and as many requests at a time. */
const MERGED_BYTES = 512 * 1024
const GAP_BYTES = 16 * 1024
const DEPTH = 16
const HEADER = 4096

/**
 * Reading the rows of a batch from a file that nothing holds in memory, checksums on, against plain positioned reads of the
 * same rows from the same file, merged and overlapped in the same way. The system's cache is dropped before each.
 */
export async function measureColdReads({ progress, quick, signal }: BenchmarkOptions): Promise<Result[]> {
  if (!(await dropCaches())) {
    progress('cold reads: skipped, dropping the caches of the system needs root on Linux')
    return [{ metric: 'cold_read_vs_pread', value: null, unit: 'ratio', target: '>= 0.8' }]
  }
  const tokens = realTokens(ROWS)
  const plans = batchesOf(tokens, 24).map((ids) => createRowPlan(ids, { rows: ROWS }))
  const results: Result[] = []
  const ratios: number[] = []
  for (const shape of SHAPES) {
    const layout: RowLayout = { ...shape, dtype: 'f32', state: 'none' }
    const folder = await mkdtemp(join(tmpdir(), 'stemkit-bench-'))
    try {
      const stride = recordBytes(layout)
      progress(`cold reads: making ${((ROWS * stride) / 2 ** 30).toFixed(1)} GiB`)
      const driver = await fileRows(folder + '/rows', { create: { rows: ROWS, rowBytes: stride } })
      const fill = (ids: Uint32Array, into: Uint8Array): void => {
        const floats = new Float32Array(into.buffer, into.byteOffset, into.byteLength / 4)
        floats.forEach((_, i) => (floats[i] = ids[0]! + i))
      }
      const table = await createRowTable({ driver, layout, rows: ROWS, fill, ...(signal ? { signal } : {}) })
      await driver.flush!()
      const file = await open(join(folder, 'rows', 'rows.bin'))
      let [ours, theirs] = [0, 0]
      const most = Math.max(...plans.map(({ unique }) => unique.length))
      const into = new Uint8Array(most * table.rowBytes)
      const perRow = async (ids: Uint32Array, read: () => Promise<void>): Promise<number> => {
        await dropCaches()
        const start = performance.now()
        await read()
        return (performance.now() - start) / ids.length
      }
      const sides = {
        store: {
          run: () => {
            const ids = plans[ours++ % plans.length]!.unique
            return perRow(ids, () => table.read(ids, into.subarray(0, ids.length * table.rowBytes)))
          },
        },
        pread: {
          run: () => {
            const ids = plans[theirs++ % plans.length]!.unique
            return perRow(ids, () => readMerged(file, ids, stride))
          },
        },
      }
      const times = await interleave(sides, { rounds: quick ? 3 : 15, warmUp: 2, ...(signal ? { signal } : {}) })
      const ratio = medianRatio(times.pread, times.store)
      ratios.push(ratio)
      const name = `${layout.layers}x${layout.width}`
      progress(`cold reads ${name}: ${ratio.toFixed(2)} of plain reads`)
      const bandwidth = (perRowMs: number): number => table.rowBytes / perRowMs / 1e3
      results.push(
        {
          metric: `cold_read_vs_pread ${name}`,
          value: ratio,
          unit: `ratio, rows of ${table.rowBytes / 1024} KiB`,
          target: null,
        },
        { metric: `cold_read ${name}`, value: bandwidth(times.store.median), unit: 'MB/s', target: null },
        { metric: `pread ${name}`, value: bandwidth(times.pread.median), unit: 'MB/s', target: null },
      )
      await file.close()
      await table.dispose()
    } finally {
      await rm(folder, { recursive: true })
    }
  }
  return [{ metric: 'cold_read_vs_pread', value: Math.min(...ratios), unit: 'ratio', target: '>= 0.8' }, ...results]
}

/** The same rows with nothing but positioned reads: near ones in one, several at a time. */
async function readMerged(file: Awaited<ReturnType<typeof open>>, ids: Uint32Array, stride: number): Promise<void> {
  const runs: { from: number; to: number }[] = []
  for (const id of ids) {
    const last = runs.at(-1)
    const near = last && (id - last.to) * stride <= GAP_BYTES && (id + 1 - last.from) * stride <= MERGED_BYTES
    if (near) last.to = id + 1
    else runs.push({ from: id, to: id + 1 })
  }
  let next = 0
  const lane = async (): Promise<void> => {
    const buffer = new Uint8Array(Math.max(MERGED_BYTES, stride))
    while (next < runs.length) {
      const { from, to } = runs[next++]!
      await file.read(buffer, 0, (to - from) * stride, HEADER + from * stride)
    }
  }
  await Promise.all(Array.from({ length: DEPTH }, lane))
}

/** False where the system does not let us. */
async function dropCaches(): Promise<boolean> {
  return writeFile('/proc/sys/vm/drop_caches', '3').then(
    () => true,
    () => false,
  )
}
