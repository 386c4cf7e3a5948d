import '@tensorflow/tfjs-backend-cpu'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compiledEngine, eagerEngine } from '@stemkit/compile'
import { nodeRuntime } from '@stemkit/compile/node'
import { fromFloat32 } from '@stemkit/weights'
import { writeModelFolder } from '@stemkit/weights/node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { collect, contentId, createModel } from '../index.ts'
import { loadModel, readModel } from '../node.ts'
import { tinyModel } from '../testing/tiny-model.ts'
import { byteLevelTokenizer } from '../testing/tokenizers.ts'

const { config, weights } = tinyModel()
let folder: string

const write = (path: string, dtype: 'F32' | 'F16' | 'BF16'): Promise<void> =>
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

  test.each(['F16', 'BF16'] as const)('of %s floats computes with the numbers that it holds', async (dtype) => {
    const half = join(folder, dtype)
    await write(half, dtype)
    const model = await loadModel(half)
    const table = model.weights.get('model.layers.1.mlp.stem_table.weight')!
    expect(table.data).toBeInstanceOf(Uint16Array)
    expect(model.weights.get('lm_head.weight')!.data instanceof Uint16Array).toBe(dtype === 'F16')

    const read = await readModel(half)
    expect([...read.weights.values()].every(({ data }) => data instanceof Float32Array)).toBe(true)
    const wide = await createModel({ ...read, engine: compiledEngine(nodeRuntime()) })
    const expected = await wide.logits([1, 2, 3])
    expect(await model.logits([1, 2, 3])).toEqual(expected)
    expect(await contentId(config, model.weights)).toBe(await contentId(config, wide.weights))

    const eager = await loadModel(half, { engine: eagerEngine() })
    const found = await eager.logits([1, 2, 3])
    expected.forEach((value, i) => expect(found[i]).toBeCloseTo(value, 4))
    for (const each of [model, wide, eager]) await each.dispose()
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
