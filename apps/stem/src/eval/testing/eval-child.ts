import { fromLanguageModel, withCache, type AnswerCache } from '@stemkit/eval'
import { fileCache } from '@stemkit/eval/node'
import { toLanguageModel } from '@stemkit/generate'
import { loadModel } from '@stemkit/generate/node'
import { evaluateSmall } from './small-run.ts'

// eval-child.ts MODEL CACHE FATAL: evaluates, and prints the samples. It dies at once before (FATAL even) or after (odd) the
// answer number FATAL / 2 is kept.
const [folder, cacheFolder, fatal] = process.argv.slice(2)
const model = await loadModel(folder!, { slots: 3, deterministic: true, threads: 1 })
const evalModel = await fromLanguageModel(await toLanguageModel(model))
const cache = fileCache(cacheFolder!, { modelId: evalModel.id })
let point = 0
const passPoint = (): void => {
  if (point++ === Number(fatal)) process.kill(process.pid, 'SIGKILL')
}
const dying: AnswerCache = {
  ...cache,
  put(key, answer) {
    passPoint()
    cache.put(key, answer)
    passPoint()
  },
}
const run = await evaluateSmall(withCache(evalModel, dying))
process.stdout.write(JSON.stringify({ samples: run.samples, table: run.table }))
await cache.dispose()
await model.dispose()
