import '@tensorflow/tfjs-backend-cpu'
import '@tensorflow/tfjs-backend-webgpu'
import { eagerEngine } from '@stemkit/compile'
import { useBackend } from '@stemkit/tensor'
import { definePage } from '../page.ts'
import { continueText } from '../work/continue-text.ts'
import { trainSteps } from '../work/train-steps.ts'

/** A model at a URL, and training, on WebGPU; in Node, which has none, on the backend that others are measured by. */
export const webgpuPage = definePage(import.meta.url, async ({ files, spawn }) => {
  const backend = 'gpu' in navigator ? 'webgpu' : 'cpu'
  await useBackend(backend)
  const engine = eagerEngine()
  return {
    backend,
    // Of few tokens, as the shaders of every length are compiled anew, and here in software.
    whole: await continueText(`${files}/whole`, { engine, speculate: false }, { maxTokens: 2 }),
    training: await trainSteps(engine, spawn),
  }
})
