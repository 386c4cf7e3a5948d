import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ModelConfig } from '@stemkit/spec/model-config'
import { describe, expect, test } from 'vitest'
import { parseLlama2c } from '../layouts/llama2c.ts'
import { parseSafetensors } from '../safetensors/parse.ts'
import { oracleFolder, sharedData, temporaryFolders } from '../testing/folders.ts'
import { llama2cCheckpoint, llama2cTokenizer } from '../testing/llama2c.ts'
import { numberedWeights, smallConfig } from '../testing/models.ts'
import { exportModel, importModel, packModel } from './convert.ts'
import { readModelFolder, writeModelFolder } from './model-folder.ts'
import { openSafetensors, saveSafetensors } from './safetensors-file.ts'

const makeFolder = temporaryFolders()
const file = (folder: string, name: string): Buffer => readFileSync(join(folder, name))

const writeModel = async (config: ModelConfig): Promise<string> => {
  const folder = makeFolder()
  const files = new Map([['tokenizer_config.json', '{"bos_token":"<s>"}']])
  await writeModelFolder(folder, { config, tensors: numberedWeights(config), tokenizerJson: '{}', files })
  return folder
}

describe('converting folders', () => {
  const stem = smallConfig({ feedForwards: ['dense', 'stem', 'stem'] })

  test.each([
    ['hf', 'dense', smallConfig()],
    ['official', 'dense', smallConfig()],
    ['official', 'STEM', stem],
  ] as const)(
    'to %s and back, a %s model is the same, byte for byte, with its tokenizer',
    async (layout, _, config) => {
      const [from, there, back] = [await writeModel(config), makeFolder(), makeFolder()]
      await exportModel(from, there, { layout, maxShardBytes: 6000 })
      expect(readdirSync(there).filter((name) => name.endsWith('.safetensors')).length).toBeGreaterThan(1)
      expect(await importModel(there, back)).toEqual({ layout, config })
      expect(readdirSync(back)).toEqual(readdirSync(from))
      for (const name of readdirSync(from)) expect(file(back, name).equals(file(from, name)), name).toBe(true)
    },
  )

  test.each(['dense', 'stem-third', 'gqa-stem'])(
    'the reference case %s goes to the published layout and back',
    async (name) => {
      const [there, back] = [makeFolder(), makeFolder()]
      await exportModel(oracleFolder(name), there, { layout: 'official' })
      await importModel(there, back)
      expect(file(back, 'model.safetensors').equals(file(oracleFolder(name), 'weights.safetensors'))).toBe(true)
    },
  )

  test('tables that the published code saves apart are found', async () => {
    const [from, there, back] = [await writeModel(stem), makeFolder(), makeFolder()]
    await exportModel(from, there, { layout: 'official' })
    const { tensors } = parseSafetensors(new Uint8Array(file(there, 'model.safetensors')))
    const isTable = (name: string): boolean => name.startsWith('stem_embeddings.')
    await saveSafetensors(
      join(there, 'consolidated.safetensors'),
      new Map([...tensors].filter(([name]) => !isTable(name))),
    )
    await saveSafetensors(
      join(there, 'consolidated_stem.safetensors'),
      new Map([...tensors].filter(([name]) => isTable(name))),
    )
    renameSync(join(there, 'model.safetensors'), join(makeFolder(), 'aside'))
    await importModel(there, back)
    expect(file(back, 'model.safetensors').equals(file(from, 'model.safetensors'))).toBe(true)
  })

  test('what has no place is refused, and nothing is written', async () => {
    const [from, to] = [await writeModel(stem), join(makeFolder(), 'to')]
    await expect(exportModel(from, to, { layout: 'hf' })).rejects.toMatchObject({
      code: 'unsupported',
      message: `${from}: layers 1, 2 of this model are stem, for which a Hugging Face Llama model has no place; only dense models can be exported there`,
    })
    expect(existsSync(to)).toBe(false)
  })

  test('what is none of the layouts, ours already, or the same folder is refused', async () => {
    const [from, empty, to] = [await writeModel(stem), makeFolder(), makeFolder()]
    await expect(importModel(from, to)).rejects.toThrow(`${from} is a model folder already; nothing to import`)
    await expect(importModel(empty, to)).rejects.toThrow(
      `${empty} is none of the models that can be imported: a Hugging Face folder`,
    )
    await expect(importModel(join(empty, 'gone'), to)).rejects.toThrow('gone does not exist')
    await expect(importModel(from, `${from}/.`)).rejects.toThrow('would be overwritten; write to another folder')
    await expect(exportModel(from, from, { layout: 'official' })).rejects.toThrow('would be overwritten')
    expect(readdirSync(to)).toEqual([])
  })
})

describe('importing a llama2.c checkpoint', () => {
  // dim 4, hidden 3, 1 layer, 2 heads, 1 kv head, 262 tokens, length 7
  const bytes = llama2cCheckpoint([4, 3, 1, 2, 1, 262, 7], 262 * 4 + 92 + 4 + 14)
  const pieces = [
    ['a', -1],
    ['b', -2],
    [' ', -3],
  ] as const

  test('finds the tokenizer beside it, by the size of its vocabulary', async () => {
    const [from, to] = [makeFolder(), makeFolder()]
    writeFileSync(join(from, 'stories.bin'), bytes)
    writeFileSync(join(from, 'tok262.bin'), llama2cTokenizer(pieces))
    expect(await importModel(from, to)).toMatchObject({ layout: 'llama2c', config: { vocabSize: 262 } })
    const reader = await openSafetensors(join(to, 'model.safetensors'))
    expect((await reader.read('model.norm.weight')).data).toEqual(
      parseLlama2c(bytes).tensors.get('model.norm.weight')!.data,
    )
    await reader.dispose()
    expect(JSON.parse(file(to, 'tokenizer.json').toString())).toMatchObject({
      model: { type: 'BPE', byte_fallback: true },
    })
  })

  test('takes the tokenizer that it is given, and refuses one of another size', async () => {
    const [from, to] = [makeFolder(), makeFolder()]
    writeFileSync(join(from, 'stories.bin'), bytes)
    writeFileSync(join(from, 'mine'), llama2cTokenizer(pieces.slice(1)))
    const tokenizer = join(from, 'mine')
    await expect(importModel(join(from, 'stories.bin'), to, { tokenizer })).rejects.toThrow(
      `${tokenizer}: this tokenizer has 261 tokens, but the model has 262`,
    )
    await importModel(join(from, 'stories.bin'), to)
    expect(readdirSync(to)).toEqual(['config.json', 'model.safetensors'])
  })

  test('asks which of two checkpoints is meant', async () => {
    const from = makeFolder()
    for (const name of ['a.bin', 'b.bin']) writeFileSync(join(from, name), bytes)
    await expect(importModel(from, makeFolder())).rejects.toThrow('has a.bin and b.bin; name the file to import')
  })

  const stories = sharedData('models/stories260K')
  test.skipIf(stories === undefined)(
    'stories260K, where shared/data has it: goes to the Hugging Face layout and back',
    async () => {
      const [ours, there, back] = [makeFolder(), makeFolder(), makeFolder()]
      const { config } = await importModel(stories!, ours)
      await exportModel(ours, there, { layout: 'hf' })
      expect(await importModel(there, back)).toEqual({ layout: 'hf', config })
      for (const name of ['config.json', 'model.safetensors', 'tokenizer.json']) {
        expect(file(back, name).equals(file(ours, name)), name).toBe(true)
      }
      const model = await readModelFolder(ours)
      expect([model.config.vocabSize, model.tokenizerPath]).toEqual([512, join(ours, 'tokenizer.json')])
      await model.dispose()
    },
  )
})

describe('packing a folder', () => {
  test('keeps the tokenizer, makes it smaller, and leaves a model that is read', async () => {
    const config = smallConfig({ dim: 64, ffnHidden: 128, feedForwards: ['dense', 'stem', 'stem'] })
    const [from, to] = [await writeModel(config), makeFolder()]
    const seen: number[] = []
    await packModel(from, to, { matrices: 'q4', onProgress: ({ bytes, totalBytes }) => seen.push(bytes / totalBytes) })
    expect(readdirSync(to)).toEqual(readdirSync(from))
    expect(file(to, 'model.safetensors').length).toBeLessThan(0.5 * file(from, 'model.safetensors').length)
    expect(seen.at(-1)).toBe(1)
    const model = await readModelFolder(to)
    expect(model.config).toEqual(config)
    await model.dispose()
  })

  test('is refused for a model that is packed, and so is exporting one', async () => {
    const [from, to] = [await writeModel(smallConfig({ dim: 32 })), makeFolder()]
    await packModel(from, to, { matrices: 'q8' })
    await expect(packModel(to, makeFolder(), { matrices: 'q4' })).rejects.toThrow('quantized already')
    await expect(exportModel(to, makeFolder(), { layout: 'hf' })).rejects.toThrow('packed in 4 or 8 bits')
    await expect(packModel(from, from, { matrices: 'q4' })).rejects.toThrow('would be overwritten')
  })
})
