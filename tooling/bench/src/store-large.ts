import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { countParameters, createModelConfig } from '@stemkit/model'
import { recordBytes } from '@stemkit/store'
import { anonymousMemory, fileMemory } from './memory.ts'
import { textBatches } from './real-batches.ts'
import { describeMachine, type BenchmarkOptions, type Report, type Result, type Target } from './report.ts'
import { startStemkitPeer } from './stemkit-peer.ts'
import { writeTask } from './training-task.ts'

const MiB = 2 ** 20
const BUDGET = 512 * MiB
const BATCH = { size: 2, length: 128 }
const config = createModelConfig({
  kind: 'stem',
  dim: 256,
  layers: 13,
  heads: 4,
  ffnHidden: 1792,
  vocabSize: 32_768,
  maxLength: BATCH.length,
})

/**
 * A table of 8 GiB in a file, AdamW's state included, trained for 200 steps on real text with 512 MiB of memory for rows: how
 * much memory the process takes meanwhile.
 */
export async function run({ progress, quick = false, signal }: BenchmarkOptions): Promise<Report> {
  await using opened = new AsyncDisposableStack()
  const folder = opened.adopt(await mkdtemp(join(tmpdir(), 'stemkit-bench-')), (path) => rm(path, { recursive: true }))
  const steps = quick ? 10 : 200
  const task = opened.adopt(
    await writeTask({
      config,
      batches: textBatches(config.vocabSize, BATCH, steps + 1),
      learningRate: 3e-4,
      store: { url: `file:${join(folder, 'rows')}`, budget: BUDGET },
    }),
    (file) => file.dispose(),
  )
  progress('making the table')
  let start = performance.now()
  const peer = opened.adopt(await startStemkitPeer({ task: task.path, ...(signal ? { signal } : {}) }), (each) =>
    each.dispose(),
  )
  const making = (performance.now() - start) / 1000

  let [anonymous, mapped] = [0, 0]
  const timer = setInterval(() => {
    anonymous = Math.max(anonymous, anonymousMemory(peer.pid) ?? 0)
    mapped = Math.max(mapped, fileMemory(peer.pid) ?? 0)
  }, 20)
  start = performance.now()
  try {
    for (let step = 1; step <= steps; step++) {
      const { loss } = await peer.step()
      if (step % 20 === 0) progress(`step ${step}: loss ${loss.toFixed(3)}, ${Math.round(anonymous / MiB)} MiB`)
    }
  } finally {
    clearInterval(timer)
  }
  const seconds = (performance.now() - start) / 1000
  const { rows, snapshotMs } = await peer.ask<{ rows: { cache: { hitRate: number } }; snapshotMs: number }>('snapshot')
  const layout = { layers: config.layers - 1, width: config.ffnHidden, dtype: 'f32', state: 'adam' } as const
  const result = (metric: string, value: number, unit: string, target: Target = null): Result => ({
    metric,
    value,
    unit,
    target,
  })
  return {
    benchmark: 'store-large',
    machine: describeMachine(),
    results: [
      result('anonymous_memory', anonymous, 'bytes', `<= ${1.5 * 2 ** 30}`),
      result('file_mapped_memory', mapped, 'bytes'),
      result('table', config.vocabSize * recordBytes(layout), 'bytes'),
      result('budget', BUDGET, 'bytes'),
      result('backbone', countParameters(config).dense, 'parameters'),
      result('steps', steps, 'steps'),
      result('step', (1000 * seconds) / steps, 'ms'),
      result('hit_rate', rows.cache.hitRate, 'of rows'),
      result('making', making, 's'),
      result('snapshot', snapshotMs, 'ms'),
    ],
  }
}
