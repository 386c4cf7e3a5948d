import { createRequire } from 'node:module'
import { createRowPlan } from '@stemkit/store'
import type * as OnnxRuntime from 'onnxruntime-node'
import { describe, expect, test } from 'vitest'
import { exportOnnxModel } from './index.ts'
import { readOracleCase } from './testing/oracle-case.ts'

// Bare ONNX Runtime: what anyone would run the file with.
const ort = createRequire(import.meta.url)('onnxruntime-node') as typeof OnnxRuntime

const int32 = (data: ArrayLike<number>, dims: number[]) => new ort.Tensor('int32', Int32Array.from(data), dims)

function worst(found: unknown, expected: Float32Array): number {
  const values = found as Float32Array
  expect(values.length).toBe(expected.length)
  return expected.reduce((most, value, i) => Math.max(most, Math.abs(value - values[i]!)), 0)
}

describe.each(['dense', 'stem-full', 'gqa-stem', 'hash-moe'])('the file of case %s', (name) => {
  const { config, weights, sequences, logits } = readOracleCase(name)
  const length = sequences[0]!.length

  test('gives the logits of the reference for token ids alone, any number of any length', async () => {
    const session = await ort.InferenceSession.create(exportOnnxModel({ config, weights }))
    expect(session.inputNames).toEqual(['input_ids'])
    expect(session.outputNames).toEqual(['logits'])

    const batch = await session.run({ input_ids: int32(sequences.flat(), [sequences.length, length]) })
    expect(batch['logits']!.dims).toEqual([sequences.length, length, config.vocabSize])
    expect(worst(batch['logits']!.data, Float32Array.from(logits.flatMap((each) => [...each])))).toBeLessThan(2e-5)

    const short = await session.run({ input_ids: int32(sequences[0]!.slice(0, 3), [1, 3]) })
    expect(worst(short['logits']!.data, logits[0]!.subarray(0, 3 * config.vocabSize))).toBeLessThan(2e-5)
    await session.release()
  })

  test('can have a fixed length', async () => {
    const session = await ort.InferenceSession.create(exportOnnxModel({ config, weights, length }))
    const { logits: found } = await session.run({ input_ids: int32(sequences[1]!, [1, length]) })
    expect(worst(found!.data, logits[1]!)).toBeLessThan(2e-5)
    await expect(session.run({ input_ids: int32([1, 2], [1, 2]) })).rejects.toThrow()
    await session.release()
  })
})

test('tables can stay outside, and their rows be fed', async () => {
  const { config, weights, sequences, logits } = readOracleCase('stem-third')
  const tables = [...weights].filter(([key]) => key.endsWith('stem_table.weight'))
  const backbone = new Map([...weights].filter(([key]) => !key.endsWith('stem_table.weight')))
  const bytes = exportOnnxModel({ config, weights: backbone, tables: 'inputs' })
  const inside = exportOnnxModel({ config, weights })
  const tableBytes = tables.reduce((sum, [, { data }]) => sum + data.byteLength, 0)
  expect(inside.length - bytes.length).toBeGreaterThan(tableBytes - 1000)

  const session = await ort.InferenceSession.create(bytes)
  expect(session.inputNames).toEqual(['input_ids', 'inverse', 'model.layers.1.mlp.stem_table.weight'])
  const ids = Int32Array.from(sequences[0]!)
  const { unique, inverse } = createRowPlan(ids)
  const feeds: Record<string, OnnxRuntime.Tensor> = {
    input_ids: int32(ids, [1, ids.length]),
    inverse: int32(inverse, [1, ids.length]),
  }
  for (const [key, { data, shape }] of tables) {
    const width = shape[1]!
    const rows = new Float32Array(unique.length * width)
    unique.forEach((id, u) => rows.set(data.subarray(id * width, (id + 1) * width), u * width))
    feeds[key] = new ort.Tensor('float32', rows, [unique.length, width])
  }
  const { logits: found } = await session.run(feeds)
  expect(worst(found!.data, logits[0]!)).toBeLessThan(2e-5)
  await session.release()
})

describe('exporting refuses', () => {
  const { config, weights } = readOracleCase('stem-third')

  test('a length that the model does not have', () => {
    expect(() => exportOnnxModel({ config, weights, length: 41 })).toThrow(
      "length is 41, but must be in 1..40, the model's length",
    )
  })

  test('weights without the tables that shall be inside', () => {
    const backbone = new Map([...weights].filter(([key]) => !key.endsWith('stem_table.weight')))
    expect(() => exportOnnxModel({ config, weights: backbone })).toThrow("no 'model.layers.1.mlp.stem_table.weight'")
  })

  test('a file larger than the format can hold', () => {
    // Only the size is looked at: nothing of this is touched, and so the system gives it no memory.
    const data = new Float32Array(600 * 2 ** 20)
    const large = new Map(weights).set('model.layers.1.mlp.stem_table.weight', { shape: [config.vocabSize, 256], data })
    expect(() => exportOnnxModel({ config, weights: large })).toThrow(
      'the file would have 2.3 GiB, but ONNX files end at 2 GiB',
    )
  })
})
