import { compiledEngine, onnxRuntimeBinding } from '@stemkit/compile'
import * as ort from 'onnxruntime-web/wasm'
import { definePage } from '../page.ts'
import { continueText } from '../work/continue-text.ts'
import { countThreads } from '../work/count-threads.ts'
import { trainSteps } from '../work/train-steps.ts'

/** A model at a URL, and training, on ONNX Runtime's build for the web. */
export const compiledPage = definePage(import.meta.url, async ({ files, spawn }) => {
  // Its own threads would start from the script of the page.
  ort.env.wasm.numThreads = 1
  ort.env.wasm.wasmBinary = await (await fetch(`${files}/ort-wasm-simd-threaded.wasm`)).arrayBuffer()
  const engine = compiledEngine(onnxRuntimeBinding(ort))
  const threads = countThreads(spawn)
  const stepThreads = { threads: 2, spawn: threads.spawn }
  return {
    whole: await continueText(`${files}/whole`, { engine }),
    packed: await continueText(`${files}/packed`, { engine }),
    packedByThreads: await continueText(`${files}/packed`, { engine, stepThreads }),
    training: await trainSteps(engine, threads.spawn),
    threads: threads.started(),
  }
})
