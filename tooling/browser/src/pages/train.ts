import '@tensorflow/tfjs-backend-cpu'
import { eagerEngine } from '@stemkit/compile'
import { useBackend } from '@stemkit/tensor'
import { definePage } from '../page.ts'
import { countThreads } from '../work/count-threads.ts'
import { trainSteps } from '../work/train-steps.ts'

/** Training on tfjs. */
export const trainPage = definePage(import.meta.url, async ({ spawn }) => {
  await useBackend('cpu')
  const threads = countThreads(spawn)
  const { losses, gradNorms } = await trainSteps(eagerEngine(), threads.spawn)
  return { losses, gradNorms, threads: threads.started() }
})
