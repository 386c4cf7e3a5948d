import '@tensorflow/tfjs-backend-cpu'
import { eagerEngine } from '@stemkit/compile'
import { createLoader, packDocuments } from '@stemkit/data'
import { createModelConfig } from '@stemkit/model'
import { useBackend } from '@stemkit/tensor'
import type { SpawnWorker } from '@stemkit/threads'
import { createTrainer, train, warmupCosine } from '@stemkit/train'
import { definePage } from '../page.ts'

const STEPS = 6

/** Steps of training a small model, with optimiser threads where memory can be shared. */
export const trainPage = definePage(import.meta.url, async ({ spawn }) => {
  await useBackend('cpu')
  const documents = Array.from({ length: 20 }, (_, i) =>
    new TextEncoder().encode(`${i} times ${i} is ${i * i}. `.repeat(4)),
  )
  const sequences = packDocuments(documents, { length: 16, endOfText: 0 })

  let started = 0
  const spawnWorker: SpawnWorker = (...asked) => {
    started++
    return spawn(...asked)
  }
  const trainer = await createTrainer({
    config: createModelConfig({ vocabSize: 256, dim: 16, layers: 2, heads: 2, maxLength: 16, kind: 'stem' }),
    weights: { seed: 1 },
    batch: { size: 2, length: 16 },
    engine: eagerEngine(),
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
  return { sharesMemory: typeof SharedArrayBuffer !== 'undefined', losses, gradNorms, started }
})
