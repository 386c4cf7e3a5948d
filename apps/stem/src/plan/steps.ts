import { createLoader } from '@stemkit/data'
import { createRowPlan } from '@stemkit/store'
import type { Subject } from './subject.ts'

/** An epoch, or so many steps, warm a cache; as many tell what it does. */
const MOST_STEPS = 1000

/** Orders of the text: what is planned is measured on another one than it was planned with, as a run will have its own. */
export const PLAN_SEED = 0
export const MEASURE_SEED = 1

/** The rows of the steps (sorted, unique) that a loader makes of the text. */
export function drawSteps({ text, batch, model }: Subject, { seed }: { readonly seed: number }): Uint32Array[] {
  const { packed } = text!
  const loader = createLoader({ sequences: packed, batchSize: batch, seed })
  const count = 2 * Math.min(MOST_STEPS, Math.ceil(packed.sequences / batch))
  return Array.from({ length: count }, () => createRowPlan(loader.next().inputIds, { rows: model.vocabSize }).unique)
}
