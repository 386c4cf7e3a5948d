import type { Engine } from '@stemkit/compile'
import { createLoader, packDocuments } from '@stemkit/data'
import { createModelConfig } from '@stemkit/model'
import type { SpawnWorker } from '@stemkit/threads'
import { createTrainer, train, warmupCosine } from '@stemkit/train'

const STEPS = 6

/** Losses and gradient norms of the first steps of a small model, with two optimiser threads where memory can be shared. */
export async function trainSteps(engine: Engine, spawnWorker: SpawnWorker) {
  const documents = Array.from({ length: 20 }, (_, i) =>
    new TextEncoder().encode(`${i} times ${i} is ${i * i}. `.repeat(4)),
  )
  const sequences = packDocuments(documents, { length: 16, endOfText: 0 })
  const trainer = await createTrainer({
    config: createModelConfig({ vocabSize: 256, dim: 16, layers: 2, heads: 2, maxLength: 16, kind: 'stem' }),
    weights: { seed: 1 },
    batch: { size: 2, length: 16 },
    engine,
    spawnWorker,
    threads: 2,
  })
  const run = train({
    trainer,
    loader: createLoader({ sequences, batchSize: 2, seed: 1 }),
    schedule: warmupCosine({ peak: 1e-2, warmup: 2, steps: STEPS, floor: 0.1 }),
    steps: STEPS,
  })
  const losses: number[] = []
  const gradNorms: number[] = []
  for await (const { loss, gradNorm } of run) {
    losses.push(loss)
    gradNorms.push(gradNorm)
  }
  await trainer.dispose()
  return { losses, gradNorms }
}
