import '@tensorflow/tfjs-backend-cpu'
import { eagerEngine } from '@stemkit/compile'
import { collect, loadRemoteModel, type LoadRemoteModelOptions } from '@stemkit/generate'
import { useBackend } from '@stemkit/tensor'
import type { SpawnWorker } from '@stemkit/threads'
import { definePage } from '../page.ts'

/** Models at URLs, how they continue a text and how likely they find the continuation. */
export const generatePage = definePage(import.meta.url, async ({ files, spawn }) => {
  await useBackend('cpu')

  const continued = async (folder: string, options: Partial<LoadRemoteModelOptions> = {}) => {
    const model = await loadRemoteModel(`${files}/${folder}`, { engine: eagerEngine(), ...options })
    try {
      const { text, tokens, logprobs } = await collect(
        model.generate('The state of', { temperature: 0, maxTokens: 12 }),
      )
      const { logprobs: scored } = await model.score([1, 2, 3, ...tokens])
      return { text, tokens, logprobs, scored: [...scored], store: model.stats().store !== undefined }
    } finally {
      await model.dispose()
    }
  }

  let started = 0
  const counting: SpawnWorker = (...asked) => {
    started++
    return spawn(...asked)
  }
  return {
    sharesMemory: typeof SharedArrayBuffer !== 'undefined',
    whole: await continued('whole'),
    rowsApart: await continued('rows-apart'),
    packed: await continued('packed'),
    packedByThreads: await continued('packed', { stepThreads: { threads: 2, spawn: counting } }),
    started,
  }
})
