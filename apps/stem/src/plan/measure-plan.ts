import { cacheBudget, createRowCache, measureCache, memoryRows, type CacheMeasurement } from '@stemkit/store'
import type { CachePlan, Plan } from './make-plan.ts'
import { drawSteps, MEASURE_SEED } from './steps.ts'
import type { Subject } from './subject.ts'

/** What a cache did with the steps of the text, beside what the plan says of it. */
export interface MeasuredCache {
  readonly budget: number
  readonly slots: number
  /** Steps measured, after as many that warmed the cache. */
  readonly steps: number
  readonly predicted: PerStep
  readonly measured: PerStep
  /** Of rows and bytes relative to what was measured, of the hit rate the difference. */
  readonly error: PerStep
}

interface PerStep {
  readonly rows: number
  readonly hitRate: number
  /** Read from the medium; as many are written back. */
  readonly bytesRead: number
}

export interface MeasureOptions {
  readonly signal: AbortSignal
  readonly onProgress: (text: string) => void
}

/** A table with wider rows than fit in here is measured with narrower ones, of which a cache holds as many. */
const TABLE_BYTES = 256 * 2 ** 20

/**
 * Runs the text's steps, in another order than that of the plan, through a cache over rows in memory, once for every budget
 * of the plan.
 */
export async function measurePlan(subject: Subject, plan: Plan, options: MeasureOptions): Promise<MeasuredCache[]> {
  if (!plan.rows || !subject.text) return []
  const rows = subject.model.vocabSize
  const steps = drawSteps(subject, { seed: MEASURE_SEED })
  const expected = plan.rows.training.find(({ batch }) => batch === plan.batch)!.rows
  const { trainedRowBytes } = plan.rows
  const rowBytes = Math.min(trainedRowBytes, Math.max(64, 4 * Math.floor(TABLE_BYTES / rows / 4)))

  const results: MeasuredCache[] = []
  for (const planned of plan.rows.cache) {
    if (!planned.hitRate || planned.missedBytes === undefined) continue
    // In another order a step may be larger than any that was planned for.
    if (steps.some((step) => step.length > planned.slots)) continue
    const measured = await measureOne(steps, { rows, rowBytes }, planned, options)
    const bytesRead = measured.rowsRead * trainedRowBytes
    const predicted = { rows: expected, hitRate: planned.hitRate.wTinyLfu, bytesRead: planned.missedBytes }
    results.push({
      budget: planned.budget,
      slots: planned.slots,
      steps: measured.steps,
      predicted,
      measured: { rows: measured.rows, hitRate: measured.hitRate, bytesRead },
      error: {
        rows: relative(predicted.rows, measured.rows),
        hitRate: predicted.hitRate - measured.hitRate,
        bytesRead: relative(predicted.bytesRead, bytesRead),
      },
    })
  }
  return results
}

async function measureOne(
  steps: readonly Uint32Array[],
  geometry: { readonly rows: number; readonly rowBytes: number },
  { slots }: CachePlan,
  { signal, onProgress }: MeasureOptions,
): Promise<CacheMeasurement> {
  const source = memoryRows(geometry)
  const cache = createRowCache({ source, budget: cacheBudget(slots, geometry.rowBytes) })
  try {
    return await measureCache(cache, steps, {
      changed: true,
      signal,
      onProgress: ({ steps: done, total }) => onProgress(`measuring a cache of ${slots} rows: step ${done}/${total}`),
    })
  } finally {
    await cache.dispose()
    await source.dispose()
  }
}

const relative = (predicted: number, measured: number): number =>
  measured === predicted ? 0 : predicted / measured - 1
