import '@tensorflow/tfjs-backend-webgpu'
import { eagerEngine } from '@stemkit/compile'
import { useBackend } from '@stemkit/tensor'
import { definePage } from '../page.ts'
import { continueText } from '../work/continue-text.ts'
import { trainSteps } from '../work/train-steps.ts'

/** A model at a URL, and training, on WebGPU. */
export const webgpuPage = definePage(import.meta.url, async ({ files, spawn }) => {
  await useBackend('webgpu')
  const engine = eagerEngine()
  return { whole: await continueText(`${files}/whole`, { engine }), ...(await trainSteps(engine, spawn)) }
})
