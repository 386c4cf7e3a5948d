import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { fromCompletions, fromLanguageModel, type EvalRun } from '@stemkit/eval'
import { toLanguageModel, type Model } from '@stemkit/generate'
import { loadModel } from '@stemkit/generate/node'
import { createServer } from '@stemkit/server'
import { listen } from '@stemkit/server/node'
import { importModel } from '@stemkit/weights/node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { writeTinyModel } from '../testing/model-folder.ts'
import { evaluateSmall } from './testing/small-run.ts'

const stories = fileURLToPath(new URL('../../../../../shared/data/models/stories260K/', import.meta.url))
const BATCH_SIZES = [1, 7, 32]

describe.each([
  {
    name: 'a tiny STEM model',
    isThere: true,
    // Its tokenizer has no line ends, so that places in its texts are not those in ours.
    hasAllTokens: false,
    make: (folder: string) => writeTinyModel(folder, { maxLength: 512 }),
  },
  {
    name: 'stories260K (shared/data/models/stories260K)',
    isThere: existsSync(stories),
    hasAllTokens: true,
    make: (folder: string) => importModel(stories, folder),
  },
])('scores of $name', ({ isThere, hasAllTokens, make }) => {
  let folder: string
  let expected: EvalRun
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'stem-eval-'))
    if (!isThere) return
    await make(folder)
    await withModel(1, async (model) => {
      expected = await evaluateSmall(await fromLanguageModel(await toLanguageModel(model)))
    })
  })
  afterAll(() => rm(folder, { recursive: true }))

  async function withModel(slots: number, work: (model: Model) => Promise<void>): Promise<void> {
    const model = await loadModel(folder, { slots, deterministic: true })
    try {
      await work(model)
    } finally {
      await model.dispose()
    }
  }

  async function withServer(slots: number, work: (url: string, model: Model) => Promise<void>): Promise<void> {
    await withModel(slots, async (model) => {
      const server = createServer({ models: { it: { model } } })
      const listening = await listen({ server, port: 0 })
      try {
        await work(`${listening.url}/v1`, model)
      } finally {
        await listening.close()
      }
    })
  }

  test.skipIf(!isThere).each(BATCH_SIZES)('are the same, to the last digit, with %i sequences at once', (slots) =>
    withModel(slots, async (model) => {
      const run = await evaluateSmall(await fromLanguageModel(await toLanguageModel(model)))
      expect(run.samples).toEqual(expected.samples)
      expect(run.results).toEqual(expected.results)
      expect(run.table).toBe(expected.table)
    }),
  )

  test.skipIf(!isThere).each(BATCH_SIZES)('are the same through /v1/completions, %i prompts at a time', (batchSize) =>
    withServer(5, async (url, { tokenizer }) => {
      const run = await evaluateSmall(await fromCompletions({ url, model: 'it', tokenizer, batchSize }))
      expect(run.samples).toEqual(expected.samples)
      expect(run.table).toBe(expected.table)
    }),
  )

  if (hasAllTokens) {
    test.skipIf(!isThere)('are the same through /v1/completions where the server makes the tokens', () =>
      withServer(5, async (url) => {
        const run = await evaluateSmall(await fromCompletions({ url, model: 'it' }), ['arc_easy', 'gsm8k'])
        const { wikitext: _, ...samples } = expected.samples
        expect(run.samples).toEqual(samples)
      }),
    )
  }
})
