import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fromFloat32 } from '@stemkit/weights'
import { writeModelFolder } from '@stemkit/weights/node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { collect } from '../index.ts'
import { loadModel, readModel } from '../node.ts'
import { tinyModel } from '../testing/tiny-model.ts'
import { byteLevelTokenizer } from '../testing/tokenizers.ts'

const { config, weights } = tinyModel()
let folder: string

const write = (path: string, dtype: 'F32' | 'BF16'): Promise<void> =>
  writeModelFolder(path, {
    config,
    tensors: new Map([...weights].map(([name, { data, shape }]) => [name, fromFloat32(data, shape, dtype)])),
    tokenizerJson: byteLevelTokenizer(),
  })

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stemkit-generate-'))
  await write(folder, 'F32')
})
afterAll(() => rm(folder, { recursive: true }))

describe('a model folder', () => {
  test('is read with every number as it was', async () => {
    const progress: number[] = []
    const read = await readModel(folder, { onProgress: ({ bytes, totalBytes }) => progress.push(bytes / totalBytes) })
    expect(read.config).toEqual(config)
    expect(new Map([...read.weights].toSorted())).toEqual(new Map([...weights].toSorted()))
    expect(read.tokenizer?.vocabSize).toBe(259)
    expect(progress.length).toBe(weights.size)
    expect(progress.at(-1)).toBe(1)
    expect(progress).toEqual(progress.toSorted((a, b) => a - b))
  })

  test('becomes a model that continues a text', async () => {
    const model = await loadModel(folder)
    const { text, tokens } = await collect(model.generate('the', { temperature: 0, maxTokens: 8 }))
    expect(tokens.length).toBe(8)
    expect(text).toBe(model.tokenizer!.decode(tokens))
    await model.dispose()
  })

  test('of 16-bit floats computes with the numbers that it holds', async () => {
    const half = join(folder, 'half')
    await write(half, 'BF16')
    const model = await loadModel(half)
    const exact = await loadModel(folder)
    const [found, expected] = [await model.logits([1, 2, 3]), await exact.logits([1, 2, 3])]
    const worst = expected.reduce((most, value, i) => Math.max(most, Math.abs(value - found[i]!)), 0)
    expect(worst).toBeGreaterThan(0)
    expect(worst).toBeLessThan(0.1)
    await model.dispose()
    await exact.dispose()
  })

  test('can do without a tokenizer', async () => {
    const bare = join(folder, 'bare')
    await write(bare, 'F32')
    await rm(join(bare, 'tokenizer.json'))
    const model = await loadModel(bare)
    expect(model.tokenizer).toBe(undefined)
    expect((await collect(model.generate([1, 2], { maxTokens: 2 }))).text).toBe('')
    await model.dispose()
  })

  test('that is not there is named', async () => {
    await expect(loadModel(join(folder, 'nowhere'))).rejects.toMatchObject({
      code: 'not-found',
      message: expect.stringContaining('nowhere'),
    })
  })

  test('with a broken tokenizer is refused by the name of the file', async () => {
    const broken = join(folder, 'broken')
    await write(broken, 'F32')
    await writeFile(join(broken, 'tokenizer.json'), '{"model": ')
    await expect(loadModel(broken)).rejects.toThrow(join(broken, 'tokenizer.json'))
  })

  test('is not read on once the signal fires', async () => {
    const controller = new AbortController()
    const onProgress = (): void => controller.abort(new Error('enough'))
    await expect(loadModel(folder, { signal: controller.signal, onProgress })).rejects.toThrow('enough')
  })
})

test('a device that is not there is refused', async () => {
  await expect(loadModel(folder, { device: 'webgpu' })).rejects.toThrow("No tfjs backend 'webgpu' is registered")
})
