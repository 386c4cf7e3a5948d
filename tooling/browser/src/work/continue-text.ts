import { collect, loadRemoteModel, type LoadRemoteModelOptions } from '@stemkit/generate'

/** How a model at a URL continues a text, greedily, and how likely it finds that. */
export async function continueText(url: string, options: LoadRemoteModelOptions, { maxTokens = 8 } = {}) {
  const model = await loadRemoteModel(url, options)
  try {
    const { text, tokens, logprobs } = await collect(model.generate('The state of', { temperature: 0, maxTokens }))
    const { logprobs: scored } = await model.score([1, 2, 3, ...tokens])
    return { text, tokens, logprobs, scored: [...scored], hasStore: model.stats().store !== undefined }
  } finally {
    await model.dispose()
  }
}
