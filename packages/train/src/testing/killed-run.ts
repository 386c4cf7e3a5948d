import { createLoader, packDocuments } from '@stemkit/data'
import type { TrainOptions } from '../loop.ts'
import { warmupCosine } from '../schedule.ts'
import { bigramTrainer } from './bigram-trainer.ts'
import { random } from './markov-loader.ts'

const V = 128

/** Documents of rising tokens: 20 batches an epoch. */
function documents(): Int32Array[] {
  const rng = random(11)
  return Array.from({ length: 40 }, () => {
    const start = Math.floor(rng.next() * V)
    return Int32Array.from({ length: 16 + Math.floor(rng.next() * 31) }, (_, i) => 1 + ((start + i) % (V - 1)))
  })
}

/** The run that tests kill, and repeat undisturbed: saving its 200 KB takes longer than a step does. */
export const killedRun = (steps: number): TrainOptions => ({
  trainer: bigramTrainer(V),
  loader: createLoader({
    sequences: packDocuments(documents(), { length: 32, endOfText: 0 }),
    batchSize: 2,
    seed: 3,
  }),
  schedule: warmupCosine({ peak: 0.1, warmup: 5, steps, floor: 0.1 }),
  steps,
})
