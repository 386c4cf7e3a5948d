import { writeFileSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createRowTable, recordBytes } from '@stemkit/store'
import { openFileRows } from '@stemkit/store/node'
import { fromFloat32 } from '@stemkit/weights'
import { writeModelFolder } from '@stemkit/weights/node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { collect } from '../index.ts'
import { loadModel } from '../node.ts'
import { serveStatic, type StaticServer } from '../testing/static-server.ts'
import { rowOf, tablesOf } from '../testing/stored-tables.ts'
import { tinyModel } from '../testing/tiny-model.ts'
import { byteLevelTokenizer } from '../testing/tokenizers.ts'

const { config, weights } = tinyModel()
const tokens = [1, 2, 3, 40, 50]
let root: string
let server: StaticServer
let expected: Float32Array

const tensors = new Map([...weights].map(([name, { data, shape }]) => [name, fromFloat32(data, shape)]))
const logitsOf = async (url: string, options = {}): Promise<Float32Array> => {
  const model = await loadModel(url, options)
  try {
    return await model.logits(tokens)
  } finally {
    await model.dispose()
  }
}

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'stemkit-remote-'))
  const model = { config, tensors, tokenizerJson: byteLevelTokenizer() }
  await writeModelFolder(join(root, 'whole'), model)
  await writeModelFolder(join(root, 'shards'), model, { maxShardBytes: 20_000 })
  expected = await logitsOf(join(root, 'whole'))
  server = await serveStatic(root)
})
afterAll(async () => {
  await server.close()
  await rm(root, { recursive: true })
})

describe('a model folder at a URL', () => {
  test.each(['whole', 'shards'])('is read by ranges of its files (%s)', async (name) => {
    const progress: number[] = []
    const onProgress = ({ bytes, totalBytes }: { bytes: number; totalBytes: number }) =>
      progress.push(bytes / totalBytes)
    const model = await loadModel(`${server.url}/${name}`, { onProgress })
    expect(await model.logits(tokens)).toEqual(expected)
    const { text } = await collect(model.generate('the', { temperature: 0, maxTokens: 3 }))
    expect(text.length).toBeGreaterThan(0)
    expect(progress.length).toBe(weights.size)
    expect(progress.at(-1)).toBe(1)
    await model.dispose()
  })

  test('goes on where an answer broke off', async () => {
    server.log.length = 0
    server.breakNext(2)
    expect(await logitsOf(`${server.url}/whole/`)).toEqual(expected)
    const asked = server.log.filter((line) => line.startsWith('/whole/model.safetensors'))
    expect(new Set(asked.map((line) => line.split('-').at(-1))).size).toBeLessThan(asked.length)
  })

  test('that is not there is named, and so is a file that is replaced meanwhile', async () => {
    await expect(loadModel(`${server.url}/nowhere`)).rejects.toMatchObject({
      code: 'not-found',
      message: expect.stringContaining('/nowhere/config.json does not exist') as string,
    })
    const path = join(root, 'whole', 'model.safetensors')
    const bytes = await readFile(path)
    const onProgress = (): void => writeFileSync(path, Uint8Array.from([...bytes.subarray(0, -1), bytes.at(-1)! ^ 1]))
    const slots = { concurrency: 1, onProgress }
    await expect(loadModel(`${server.url}/whole`, slots)).rejects.toMatchObject({ code: 'conflict' })
    await writeFile(path, bytes)
  })

  test('is not read on once the signal fires', async () => {
    const controller = new AbortController()
    const onProgress = (): void => controller.abort(new Error('enough'))
    await expect(loadModel(`${server.url}/whole`, { signal: controller.signal, onProgress })).rejects.toThrow('enough')
  })
})

describe('tables beside it', () => {
  test('stay where they are, and their rows are read as they are needed', async () => {
    const folder = join(root, 'rows-apart')
    const tables = tablesOf(config, weights)
    const rows = config.vocabSize
    const layout = { layers: tables.length, width: config.ffnHidden, dtype: 'f32', state: 'none' } as const
    const isTable = (name: string): boolean => name.endsWith('.stem_table.weight')
    const others = new Map([...tensors].filter(([name]) => !isTable(name)))
    await writeModelFolder(folder, { config, tensors: others, optionalTables: true })
    const driver = await openFileRows(`file:${folder}/rows`, { create: { rows, rowBytes: recordBytes(layout) } })
    const rowBytes = layout.layers * layout.width * 4
    const table = await createRowTable({
      driver,
      layout,
      rows,
      fill: (ids, into) => ids.forEach((id, i) => into.set(rowOf(tables, id), i * rowBytes)),
    })
    const reference = { url: 'file:rows', table: table.id, version: table.version }
    await writeFile(join(folder, 'rows.json'), JSON.stringify(reference))
    await table.dispose()

    server.log.length = 0
    expect(await logitsOf(`${server.url}/rows-apart`)).toEqual(expected)
    expect(server.log.some((line) => line.startsWith('/rows-apart/rows/rows.bin'))).toBe(true)
  })

  test.each(['file:/etc', 'redis://localhost', 'file:../other', 'https://elsewhere.example/rows'])(
    'are not looked for at %s on the word of a server',
    async (url) => {
      await writeFile(join(root, 'rows.json'), JSON.stringify({ url, table: 'x', version: 1 }))
      await expect(loadModel(server.url)).rejects.toMatchObject({ code: 'unsupported' })
    },
  )
})
