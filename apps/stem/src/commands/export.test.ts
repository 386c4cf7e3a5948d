import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadModel } from '@stemkit/generate/node'
import type * as OnnxRuntime from 'onnxruntime-node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { writeTinyModel } from '../testing/model-folder.ts'
import { runCommand } from '../testing/run-command.ts'
import { exportCommand } from './export.ts'

const ort = createRequire(import.meta.url)('onnxruntime-node') as typeof OnnxRuntime
const ids = [4, 8, 15, 16, 23, 42]
let dir: string
let logits: Float32Array

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'stem-export-'))
  await writeTinyModel(join(dir, 'model'))
  const model = await loadModel(join(dir, 'model'))
  logits = await model.logits(ids)
  await model.dispose()
})
afterAll(() => rm(dir, { recursive: true }))

const worst = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0)

describe('stem export', () => {
  test('writes a file from which bare ONNX Runtime computes the same logits', async () => {
    const file = join(dir, 'model.onnx')
    const { code, stdout } = await runCommand(exportCommand(), [join(dir, 'model'), file])
    expect(code).toBe(0)
    expect(stdout).toMatch(/model\.onnx: 0\.\d MiB, input_ids int32 \[B, T\] -> logits float32 \[B, T, 96\]\n$/)
    const session = await ort.InferenceSession.create(file)
    const found = await session.run({ input_ids: new ort.Tensor('int32', Int32Array.from(ids), [1, ids.length]) })
    expect(found['logits']!.dims).toEqual([1, ids.length, 96])
    expect(worst(found['logits']!.data as Float32Array, logits)).toBeLessThan(2e-5)
    await session.release()
  })

  test('can fix the length, and leave the tables out', async () => {
    const [fixed, lean] = [join(dir, 'fixed.onnx'), join(dir, 'lean.onnx')]
    await runCommand(exportCommand(), [join(dir, 'model'), fixed, '--length', '6'])
    await runCommand(exportCommand(), [join(dir, 'model'), lean, '--external-rows'])
    const sessions = await Promise.all([fixed, lean].map((file) => ort.InferenceSession.create(file)))
    expect(sessions.map(({ inputNames }) => inputNames)).toEqual([
      ['input_ids'],
      ['input_ids', 'inverse', 'model.layers.1.mlp.stem_table.weight', 'model.layers.2.mlp.stem_table.weight'],
    ])
    const tables = 2 * 96 * 24 * 4
    const [withTables, without] = await Promise.all([fixed, lean].map(async (file) => (await readFile(file)).length))
    expect(withTables! - without!).toBeGreaterThan(tables - 2000)
    for (const session of sessions) await session.release()
  })

  test('refuses a length that the model does not have, and leaves no file behind', async () => {
    const before = await readdir(dir)
    const { code, stderr } = await runCommand(exportCommand(), [
      join(dir, 'model'),
      join(dir, 'no.onnx'),
      '--length',
      '49',
    ])
    expect(code).toBe(2)
    expect(stderr).toBe("error: export: length is 49, but must be in 1..48, the model's length\n")
    expect(await readdir(dir)).toEqual(before)
  })
})
