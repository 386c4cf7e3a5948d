import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { importModel } from '@stemkit/weights/node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { collect, type Model } from '../index.ts'
import { loadModel } from '../node.ts'

// A model that was really trained, with the text that llama2.c makes of it. Beside the repository, where it is at all.
const source = fileURLToPath(new URL('../../../../../shared/data/models/stories260K/', import.meta.url))

describe.skipIf(!existsSync(source))('stories260K, imported from llama2.c (shared/data/models/stories260K)', () => {
  let folder: string
  let model: Model
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'stemkit-stories-'))
    await importModel(source, folder)
    model = await loadModel(folder)
  })
  afterAll(async () => {
    await model.dispose()
    await rm(folder, { recursive: true })
  })

  test('tells the same story word for word', async () => {
    const expected = readFileSync(join(source, 'expected_t0.0.txt'), 'utf8').trimEnd()
    const { text, usage } = await collect(model.generate('', { temperature: 0, maxTokens: 256 }))
    expect(text).toBe(expected)
    expect(usage).toEqual({ promptTokens: 1, cachedTokens: 0, completionTokens: 256, totalTokens: 257 })
  })

  test('goes on with the story from its first words', async () => {
    const start = 'Once upon a time'
    const whole = await collect(model.generate('', { temperature: 0, maxTokens: 60 }))
    const { text } = await collect(model.generate(start, { temperature: 0, maxTokens: 20 }))
    expect(whole.text.startsWith(start + text)).toBe(true)
  })

  test('finds its own story likelier than a scrambled one', async () => {
    const story = Array.from(
      model.tokenizer!.encode('Once upon a time, there was a little girl named Lily.', { addSpecial: true }),
    )
    const scrambled = [story[0]!, ...story.slice(1).toReversed()]
    const mean = async (tokens: number[]): Promise<number> => {
      const { logprobs } = await model.score(tokens)
      return logprobs.reduce((sum, each) => sum + each, 0) / logprobs.length
    }
    expect(await mean(story)).toBeGreaterThan(-1)
    expect(await mean(scrambled)).toBeLessThan(-4)
  })
})
