import { describe, expect, test } from 'vitest'
import { memorySource, readAll, type TensorInfo } from '../tensor.ts'
import { numberedWeights, smallConfig } from '../testing/models.ts'
import { toFloat32 } from '../values.ts'
import { checkWeights } from '../weight-shapes.ts'
import { packForInputs } from './pack-for-inputs.ts'
import { packMatrix, unpackMatrix } from './pack-matrix.ts'
import { packTensors } from './pack-tensors.ts'
import { findPacked, readPacked } from './packed-tensors.ts'

const config = smallConfig({ dim: 32, ffnHidden: 48, feedForwards: ['dense', 'stem', 'stem'] })
const weights = numberedWeights(config)
const source = memorySource(weights)

const gate = 'model.layers.0.mlp.gate_proj.weight'
const down = 'model.layers.0.mlp.down_proj.weight'
const table = 'model.layers.1.mlp.stem_table.weight'

describe('packed tensors of a model', () => {
  const packed = packTensors(source, { matrices: 'q4' })

  test('have matrices in 4 bits, the head in 8, embedding and tables in half precision, norms as they were', () => {
    const dtypeOf = (name: string): string | undefined => packed.tensors.get(name)?.dtype
    expect(packed.tensors.get(`${gate}.q4`)).toEqual({ dtype: 'U8', shape: [48, 1, 16] })
    expect(packed.tensors.get(`${gate}.scale`)).toEqual({ dtype: 'F32', shape: [48, 1] })
    expect(packed.tensors.get('lm_head.weight.q8')).toEqual({ dtype: 'U8', shape: [40, 1, 32] })
    expect([dtypeOf('model.embed_tokens.weight'), dtypeOf(table), dtypeOf('model.norm.weight')]).toEqual([
      'F16',
      'F16',
      'F32',
    ])
    expect(dtypeOf(gate)).toBeUndefined()
  })

  test('fit the config that the floats fit', () => {
    expect(() => checkWeights(config, packed.tensors)).not.toThrow()
    expect(() => checkWeights({ ...config, ffnHidden: 64 }, packed.tensors)).toThrow(`${gate} is [48, 32] instead of`)
  })

  test('take smaller blocks where a width asks for them, and stay floats where 16 does not divide it', async () => {
    expect(findPacked(packed.tensors).get(down)).toEqual({ shape: [32, 48], bits: 4, block: 16 })
    const narrow = smallConfig({ dim: 8, headDim: 4, heads: 4 })
    const narrowPacked = packTensors(memorySource(numberedWeights(narrow)), { matrices: 'q4' })
    expect(narrowPacked.tensors.get(gate)?.dtype).toBe('F32')
  })

  test('are read in any order as the packed matrix that the floats become', async () => {
    const expected = packMatrix(toFloat32(weights.get(gate)!), [48, 32], { bits: 4, block: 32 })
    for (const order of [
      ['q4', 'scale'],
      ['scale', 'q4'],
    ]) {
      const fresh = packTensors(source, { matrices: 'q4' })
      const parts = new Map<string, Uint8Array>()
      for (const part of order) parts.set(part, (await fresh.read(`${gate}.${part}`)).data)
      expect(parts.get('q4')).toEqual(expected.data)
    }
    expect(await readPacked(packed, gate, findPacked(packed.tensors).get(gate)!)).toEqual(expected)
  })

  test('are read by rows, and into memory of the caller', async () => {
    const whole = await packed.read(`${gate}.q4`)
    const part = await packed.read(`${gate}.q4`, { rows: { begin: 3, end: 5 } })
    expect(part.data).toEqual(whole.data.subarray(48, 80))
    const into = new Uint8Array(16)
    await packed.read(`${gate}.q4`, { rows: { begin: 4, end: 5 }, into })
    expect(into).toEqual(whole.data.subarray(64, 80))
  })

  test('may be floats of other widths throughout', async () => {
    const half = packTensors(source, { matrices: 'BF16', embedding: 'F32', tables: 'BF16' })
    const dtypes = [gate, 'lm_head.weight', table, 'model.embed_tokens.weight', 'model.norm.weight']
    expect(dtypes.map((name) => half.tensors.get(name)!.dtype)).toEqual(['BF16', 'BF16', 'BF16', 'F32', 'F32'])
    const [value] = toFloat32(await half.read(gate, { rows: { begin: 1, end: 2 } }))
    expect(value).toBeCloseTo(toFloat32(weights.get(gate)!)[32]!, 2)
  })

  test('stand near the floats', async () => {
    const all = await readAll(packTensors(source, { matrices: 'q8' }))
    const unpacked = unpackMatrix(await readPacked(memorySource(all), gate, findPacked(all).get(gate)!))
    // Numbers up to 1, so that a step is about 1/128.
    for (const [i, value] of toFloat32(weights.get(gate)!).entries()) {
      expect(Math.abs(unpacked[i]! - value)).toBeLessThan(1 / 127)
    }
  })

  test('are fitted to the inputs of a sample where these are given, read in either order', async () => {
    const gram = Float32Array.from({ length: 32 * 32 }, (_, i) => 0.9 ** Math.abs((i % 32) - Math.floor(i / 32)))
    const expected = packForInputs(toFloat32(weights.get(gate)!), [48, 32], gram, { bits: 4, block: 32 })
    expect(expected).not.toEqual(packMatrix(toFloat32(weights.get(gate)!), [48, 32], { bits: 4, block: 32 }))
    const calibrated = packTensors(source, { matrices: 'q4', grams: new Map([[gate, gram]]) })
    for (const order of [
      ['q4', 'scale'],
      ['scale', 'q4'],
    ]) {
      for (const part of order) {
        const { data } = await calibrated.read(`${gate}.${part}`)
        expect(data).toEqual(part === 'q4' ? expected.data : new Uint8Array(expected.scales.buffer))
      }
    }
  })

  test('are not packed twice', () => {
    expect(() => packTensors(packed, { matrices: 'q4' })).toThrow('quantized already')
  })
})

describe('what is no packed matrix is refused', () => {
  const infos = (entries: Record<string, TensorInfo>): Map<string, TensorInfo> => new Map(Object.entries(entries))

  test.each([
    ['another dtype', { 'x.q4': { dtype: 'I8', shape: [2, 1, 16] } }, '"x.q4" is I8 [2, 1, 16]'],
    ['an odd block', { 'x.q8': { dtype: 'U8', shape: [2, 1, 20] } }, '"x.q8" is U8 [2, 1, 20]'],
    ['no scales', { 'x.q4': { dtype: 'U8', shape: [2, 3, 16] } }, 'needs its scales beside it, "x.scale", F32 [2, 3]'],
    [
      'other scales',
      { 'x.q4': { dtype: 'U8', shape: [2, 3, 16] }, 'x.scale': { dtype: 'F32', shape: [2, 2] } },
      'needs its scales beside it',
    ],
  ] as const)('%s', (_, entries, message) => {
    expect(() => findPacked(infos(entries as Record<string, TensorInfo>))).toThrow(message)
  })
})
