import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createModelConfig, initializeWeights, type ModelConfig } from '@stemkit/model'
import { fromFloat32, parseModelConfig } from '@stemkit/weights'
import { writeModelFolder } from '@stemkit/weights/node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { storeCommand } from '../commands/store.ts'
import { prepareRun } from '../training/prepare.ts'
import { loadRunConfig } from '../config/load.ts'
import { runCommand } from '../testing/run-command.ts'
import { writeTinyRun } from '../testing/tiny-run.ts'
import { contentAt } from './testing/tables.ts'

let dir: string
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'stem-create-'))
})
afterAll(() => rm(dir, { recursive: true }))

const create = (name: string, ...args: string[]) =>
  runCommand(storeCommand(), ['create', `file:${join(dir, name)}`, ...args])
const floatsAt = async (name: string): Promise<Float32Array> => {
  const bytes = await contentAt(`file:${join(dir, name)}`)
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)
}

/** Tables of weights as the rows of a table have them: all layers of a token together. */
function tokenMajor(weights: ReadonlyMap<string, { readonly data: Float32Array; readonly shape: readonly number[] }>) {
  const tables = [...weights].filter(([name]) => name.endsWith('stem_table.weight')).map(([, table]) => table)
  const [rows, width] = tables[0]!.shape as [number, number]
  const all = new Float32Array(rows * tables.length * width)
  for (let id = 0; id < rows; id++) {
    for (const [l, { data }] of tables.entries()) {
      all.set(data.subarray(id * width, (id + 1) * width), (id * tables.length + l) * width)
    }
  }
  return all
}

const config = createModelConfig({
  vocabSize: 97,
  dim: 16,
  layers: 12,
  heads: 2,
  ffnHidden: 24,
  maxLength: 48,
  kind: 'stem',
})

async function writeModel(name: string, dtype: 'F32' | 'BF16', seed: number): Promise<void> {
  const tensors = new Map(
    [...initializeWeights(config, { seed, tableInit: 'unit' })].map(([tensor, { data, shape }]) => [
      tensor,
      fromFloat32(data, shape, dtype),
    ]),
  )
  await writeModelFolder(join(dir, name), { config, tensors }, { maxShardBytes: 40_000 })
}

describe('stem store create --from', () => {
  test('puts the rows of all layers of a token together, from whatever files they lie in', async () => {
    await writeModel('model', 'F32', 5)
    expect(await create('rows', '--from', join(dir, 'model'))).toMatchObject({ code: 0, stderr: '' })
    expect(await floatsAt('rows')).toEqual(tokenMajor(initializeWeights(config, { seed: 5, tableInit: 'unit' })))
  })

  test('converts between dtypes', async () => {
    await writeModel('model-bf16', 'BF16', 5)
    expect(await create('rows-f32', '--from', join(dir, 'model-bf16'))).toMatchObject({ code: 0 })
    expect(await create('rows-bf16', '--from', join(dir, 'model'), '--dtype', 'bf16')).toMatchObject({ code: 0 })
    const narrow = await contentAt(`file:${join(dir, 'rows-bf16')}`)
    const wide = Uint32Array.from(new Uint16Array(narrow.buffer, narrow.byteOffset, narrow.length / 2), (x) => x << 16)
    expect(new Float32Array(wide.buffer)).toEqual(await floatsAt('rows-f32'))
  })
})

describe('stem store create --config', () => {
  const rowsOf = (model: ModelConfig, seed: number, tableInit: 'xavier-normal' | 'unit'): Float32Array =>
    tokenMajor(initializeWeights(model, { seed, tableInit }))

  test('makes the rows that a run would begin with', async () => {
    await writeTinyRun(dir)
    const path = join(dir, 'run.yaml')
    const yaml = await readFile(path, 'utf8')
    await writeFile(path, yaml.replace('train: text.txt', `train: ${join(dir, 'text.txt')}`))
    expect(await create('begun', '--config', path)).toMatchObject({ code: 0, stderr: '' })
    const options = { resumeFrom: undefined, signal: new AbortController().signal, onProgress: () => {} }
    const { model } = await prepareRun(await loadRunConfig(path), options)
    expect(await floatsAt('begun')).toEqual(rowsOf(model, 3, 'xavier-normal'))
    expect(await create('other', '--config', path, '--seed', '4', '--table-init', 'unit')).toMatchObject({ code: 0 })
    expect(await floatsAt('other')).toEqual(rowsOf(model, 4, 'unit'))
  })

  test('takes a model folder, whose weights it does not look at', async () => {
    const folder = join(dir, 'model')
    expect(await create('for-model', '--config', folder, '--seed', '9')).toMatchObject({ code: 0 })
    const json: unknown = JSON.parse(await readFile(join(folder, 'config.json'), 'utf8'))
    expect(await floatsAt('for-model')).toEqual(rowsOf(parseModelConfig(json), 9, 'xavier-normal'))
  })
})

test('stem store create refuses what makes no sense', async () => {
  const model = join(dir, 'model')
  for (const args of [
    [],
    ['--rows', '9'],
    ['--rows', '0', '--layers', '1', '--width', '1'],
    ['--from', model, '--rows', '9', '--layers', '1', '--width', '1'],
    ['--from', model, '--config', model],
    ['--from', model, '--seed', '1'],
    ['--config', model, '--set', 'seed=1'],
  ]) {
    expect((await create('never', ...args)).code, args.join(' ')).not.toBe(0)
  }
  await expect(contentAt(`file:${join(dir, 'never')}`)).rejects.toMatchObject({ code: 'not-found' })
})
