import '@tensorflow/tfjs-backend-cpu'
import { definePage } from '../page.ts'

const entries = {
  '@stemkit/compile': () => import('@stemkit/compile'),
  '@stemkit/data': () => import('@stemkit/data'),
  '@stemkit/edit': () => import('@stemkit/edit'),
  '@stemkit/eval': () => import('@stemkit/eval'),
  '@stemkit/generate': () => import('@stemkit/generate'),
  '@stemkit/inspect': () => import('@stemkit/inspect'),
  '@stemkit/model': () => import('@stemkit/model'),
  '@stemkit/plugin': () => import('@stemkit/plugin'),
  '@stemkit/report': () => import('@stemkit/report'),
  '@stemkit/server': () => import('@stemkit/server'),
  '@stemkit/spec/errors': () => import('@stemkit/spec/errors'),
  '@stemkit/spec/row-driver': () => import('@stemkit/spec/row-driver'),
  '@stemkit/spec/row-calls': () => import('@stemkit/spec/row-calls'),
  '@stemkit/spec/retrying': () => import('@stemkit/spec/retrying'),
  '@stemkit/spec/waiting': () => import('@stemkit/spec/waiting'),
  '@stemkit/spec/tokenizer': () => import('@stemkit/spec/tokenizer'),
  '@stemkit/spec/language-model': () => import('@stemkit/spec/language-model'),
  '@stemkit/spec/model-config': () => import('@stemkit/spec/model-config'),
  '@stemkit/spec/packed-matrix': () => import('@stemkit/spec/packed-matrix'),
  '@stemkit/spec/testing': () => import('@stemkit/spec/testing'),
  '@stemkit/store': () => import('@stemkit/store'),
  '@stemkit/tensor': () => import('@stemkit/tensor'),
  '@stemkit/tensor/testing': () => import('@stemkit/tensor/testing'),
  '@stemkit/threads': () => import('@stemkit/threads'),
  '@stemkit/tokenizer': () => import('@stemkit/tokenizer'),
  '@stemkit/train': () => import('@stemkit/train'),
  '@stemkit/weights': () => import('@stemkit/weights'),
}

/** What every entry that is not for Node exports. */
export const entriesPage = definePage(import.meta.url, async () => {
  const exported: Record<string, string[]> = {}
  for (const [name, load] of Object.entries(entries)) exported[name] = Object.keys(await load()).toSorted()
  return exported
})
