import '@tensorflow/tfjs-backend-cpu'
import { eagerEngine } from '@stemkit/compile'
import { createTaskRegistry, evaluate, fromLanguageModel } from '@stemkit/eval'
import { loadRemoteModel, toLanguageModel } from '@stemkit/generate'
import { createServer } from '@stemkit/server'
import { useBackend } from '@stemkit/tensor'
import { definePage } from '../page.ts'

const registry = createTaskRegistry({
  definitions: [
    {
      task: 'words',
      dataset_path: 'words',
      test_split: 'test',
      output_type: 'multiple_choice',
      doc_to_text: 'The {{word}} of the',
      doc_to_choice: ['union', 'state', 'art'],
      doc_to_target: '{{right}}',
      metric_list: [{ metric: 'acc' }, { metric: 'acc_norm' }],
      metadata: { version: 1 },
    },
  ],
})
const rows = ['state', 'art', 'union', 'two'].map((word, i) => ({ word, right: i % 3 }))

/** A task asked of a model in the page, and the same model as a server there. */
export const serveAndEvaluatePage = definePage(import.meta.url, async ({ files }) => {
  await useBackend('cpu')
  const model = await loadRemoteModel(`${files}/whole`, { engine: eagerEngine() })
  const languageModel = await toLanguageModel(model)
  const run = await evaluate({
    tasks: ['words'],
    registry,
    model: await fromLanguageModel(languageModel),
    rows: async () => rows,
  })
  const server = createServer({ models: { small: { model } } })
  const request = { model: 'small', prompt: 'The state of', max_tokens: 6, temperature: 0, logprobs: 1 }
  const response = await server.fetch(
    new Request('http://page/v1/completions', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(request),
    }),
  )
  const { choices } = (await response.json()) as { choices: unknown }
  await model.dispose()
  return { id: languageModel.id, table: run.table, samples: run.samples['words'], choices }
})
