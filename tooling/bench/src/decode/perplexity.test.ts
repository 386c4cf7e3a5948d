import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createModelConfig, initializeWeights } from '@stemkit/model'
import { gpt2TokenizerJson } from '@stemkit/tokenizer'
import { fromFloat32 } from '@stemkit/weights'
import { writeModelFolder } from '@stemkit/weights/node'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { measurePerplexity, PACKINGS } from './perplexity.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stemkit-perplexity-test-'))
  const letters = [...'abcdefghijklmnopqrstuvwxyz.', '\u0120', '\u010a', '<|endoftext|>']
  const tokenizerJson = gpt2TokenizerJson(Object.fromEntries(letters.map((letter, id) => [letter, id])), '')
  const config = createModelConfig({ vocabSize: 32, dim: 32, heads: 2, layers: 2, maxLength: 32, kind: 'stem' })
  const weights = initializeWeights(config, { seed: 3 })
  const tensors = new Map([...weights].map(([name, { data, shape }]) => [name, fromFloat32(data, shape)]))
  await writeModelFolder(join(folder, 'model'), { config, tensors, tokenizerJson })
  const lines = ['the state of the union is strong.', 'a union of many states.', 'the many and the strong.']
  await writeFile(join(folder, 'text.txt'), Array.from({ length: 30 }, (_, i) => lines[i % 3]).join('\n'))
})
afterAll(() => rm(folder, { recursive: true }))

test('a model is measured in every packing, on text that none was fitted to', async () => {
  const found = await measurePerplexity({
    model: join(folder, 'model'),
    text: join(folder, 'text.txt'),
    tokens: 300,
  })
  expect(found.tokens).toBe(300)
  // Knowing nothing, it foretells each of 30 tokens about alike.
  expect(found.f32).toBeGreaterThan(10)
  expect(found.f32).toBeLessThan(100)
  expect(Object.keys(found.ratios)).toEqual(Object.keys(PACKINGS))
  expect(Math.abs(found.ratios.q8_block128 - 1)).toBeLessThan(0.01)
  for (const ratio of Object.values(found.ratios)) expect(Math.abs(ratio - 1)).toBeLessThan(0.1)
  expect(found.ratios.q4_block128).not.toBe(found.ratios.q8_block128)
})

test('says what is not there', async () => {
  const asked = measurePerplexity({ model: join(folder, 'nowhere'), text: join(folder, 'text.txt') })
  await expect(asked).rejects.toMatchObject({
    code: 'unsupported',
    message: expect.stringContaining('nowhere') as string,
  })
})
