import '@tensorflow/tfjs-backend-cpu'
import { eagerEngine } from '@stemkit/compile'
import { useBackend } from '@stemkit/tensor'
import { definePage } from '../page.ts'
import { continueText } from '../work/continue-text.ts'
import { countThreads } from '../work/count-threads.ts'

/** Models at URLs on tfjs. */
export const generatePage = definePage(import.meta.url, async ({ files, spawn }) => {
  await useBackend('cpu')
  const engine = eagerEngine()
  const threads = countThreads(spawn)
  const stepThreads = { threads: 2, spawn: threads.spawn }
  return {
    whole: await continueText(`${files}/whole`, { engine }),
    rowsApart: await continueText(`${files}/rows-apart`, { engine }),
    packed: await continueText(`${files}/packed`, { engine }),
    packedByThreads: await continueText(`${files}/packed`, { engine, stepThreads }),
    threads: threads.started(),
  }
})
