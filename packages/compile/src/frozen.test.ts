import '@tensorflow/tfjs-backend-cpu'
import { add, gatherRows, linear, mul, neg, reshape, rmsNorm, useBackend } from '@stemkit/tensor'
import type { Tensor, Tensor1D, Tensor2D } from '@stemkit/tensor'
import type { PackedBits, PackedMatrix } from '@stemkit/spec/packed-matrix'
import { describe, expect, test } from 'vitest'
import { compiledEngine, eagerEngine } from './index.ts'
import type { Engine, FrozenWeights, HalfArray, InputSpec, TensorFunction } from './index.ts'
import { onnxRuntimeCApi, onnxRuntimeNode } from './node.ts'
import { toSingle } from './widen.ts'

await useBackend('cpu')
const engines: Engine[] = [compiledEngine(onnxRuntimeCApi()), compiledEngine(onnxRuntimeNode()), eagerEngine()]
const [fastest] = engines as [Engine]

const noise = (seed: number): number => (Math.sin(seed * 12.9898) * 43758.5453) % 1

function packed(N: number, K: number, bits: PackedBits, block: number): PackedMatrix {
  const data = Uint8Array.from({ length: (N * K * bits) / 8 }, (_, i) => Math.abs(noise(i + bits)) * 256)
  const scales = Float32Array.from({ length: (N * K) / block }, (_, i) => 0.05 + 0.02 * noise(i))
  return { shape: [N, K], bits, block, data, scales }
}

/** Ordinary, smallest, largest and negative numbers. */
const half: HalfArray = {
  shape: [3, 4],
  data: Uint16Array.of(0x3c00, 0xc000, 0x3555, 0x0001, 0x7bff, 0x0400, 0x8000, 0x03ff, 0xb800, 0x2e66, 0x4248, 0x5640),
}

const x = (N: number, K: number): Float32Array => Float32Array.from({ length: N * K }, (_, i) => noise(i + 77))

function product(input: Float32Array, weight: Float32Array, K: number): number[] {
  const N = weight.length / K
  return Array.from({ length: (input.length / K) * N }, (_, i) => {
    const [row, column] = [Math.floor(i / N), i % N]
    let sum = 0
    for (let k = 0; k < K; k++) sum += input[row * K + k]! * weight[column * K + k]!
    return sum
  })
}

const largest = (values: readonly number[]): number =>
  values.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
const difference = (found: ArrayLike<number>, wanted: readonly number[]): number =>
  largest(wanted.map((value, i) => value - found[i]!))

async function runOnce(
  engine: Engine,
  fn: TensorFunction,
  inputs: Readonly<Record<string, InputSpec>>,
  frozen: FrozenWeights,
  feeds: Record<string, Float32Array | Int32Array>,
): Promise<Float32Array> {
  const program = await engine.load(fn, inputs, { frozen })
  const { y } = await program.run(feeds)
  await program.dispose()
  return y as Float32Array
}

test('a half-precision number has the value that its bits say', () => {
  const wanted = [
    1,
    -2,
    0.333251953125,
    2 ** -24,
    65504,
    2 ** -14,
    -0,
    1023 * 2 ** -24,
    -0.5,
    0.0999755859375,
    3.140625,
    100,
  ]
  expect(Array.from(toSingle(half))).toEqual(wanted)
  const special = toSingle({ shape: [3], data: Uint16Array.of(0x7c00, 0xfc00, 0x7e00) })
  expect(Array.from(special)).toEqual([Infinity, -Infinity, Number.NaN])
})

describe.each(engines.map((engine, i) => [['the C API', 'the binding', 'a tfjs backend'][i]!, engine] as const))(
  'frozen weights on %s',
  (_, engine) => {
    const rows = { dtype: 'float32', shape: ['N', 256] } as const
    const linearOf = ({ x: input, w }: Record<string, Tensor>) => ({ y: linear(input as Tensor2D, w as Tensor2D) })
    const gatherOf = ({ ids: at, w }: Record<string, Tensor>) => ({ y: gatherRows(w as Tensor2D, at as Tensor1D) })
    const ids = { dtype: 'int32', shape: ['N'] } as const

    test.each([
      [4, 16],
      [4, 32],
      [4, 128],
      [4, 256],
      [8, 16],
      [8, 32],
      [8, 128],
      [8, 256],
    ] as const)('of %i bits in blocks of %i give the product of what they stand for', async (bits, block) => {
      const w = packed(24, 256, bits, block)
      for (const N of [1, 5]) {
        const input = x(N, 256)
        const wanted = product(input, toSingle(w), 256)
        const found = await runOnce(engine, linearOf, { x: rows }, { w }, { x: input })
        // The other factor is rounded to 8 bits as well.
        expect(difference(found, wanted)).toBeLessThan(0.02 * largest(wanted))
      }
    })

    test.each([4, 8] as const)('of %i bits are gathered from as they stand', async (bits) => {
      const w = packed(6, 64, bits, 32)
      const found = await runOnce(engine, gatherOf, { ids }, { w }, { ids: Int32Array.of(5, 0, 5) })
      const all = toSingle(w)
      const wanted = [5, 0, 5].flatMap((row) => Array.from(all.subarray(row * 64, (row + 1) * 64)))
      expect(difference(found, wanted)).toBeLessThan(1e-6)
    })

    test('in single and in half precision are what they stand for', async () => {
      const w = { shape: [3, 4], data: toSingle(half) }
      for (const each of [w, half]) {
        const gathered = await runOnce(engine, gatherOf, { ids }, { w: each }, { ids: Int32Array.of(2, 0) })
        expect(Array.from(gathered)).toEqual([...w.data.subarray(8, 12), ...w.data.subarray(0, 4)])
        const input = Float32Array.of(1, 0, 0, 0, 0, 2, 0, 0)
        const inputs = { x: { dtype: 'float32', shape: ['N', 4] } } as const
        const found = await runOnce(engine, linearOf, inputs, { w: each }, { x: input })
        expect(difference(found, product(input, w.data, 4))).toBeLessThan(1e-3)
      }
    })

    test('a bound run reads what its arrays hold by then, and may write where it reads', async () => {
      const w = { shape: [2], data: Float32Array.of(1, 10) }
      const fn = ({ x: input, w: weight }: Record<string, Tensor>) => ({
        y: mul(input!, 2),
        after: add(input!, weight!),
      })
      const program = await engine.load(fn, { x: { dtype: 'float32', shape: [2] } }, { frozen: { w } })
      const state = Float32Array.of(1, 2)
      const y = new Float32Array(2)
      const bound = program.bind({ x: state }, { y, after: state })
      await bound.run()
      expect([...state, ...y]).toEqual([2, 12, 2, 4])
      await bound.run()
      expect([...state, ...y]).toEqual([3, 22, 4, 24])
      state.fill(0)
      await bound.run()
      expect([...state, ...y]).toEqual([1, 10, 0, 0])
      bound.dispose()
      await program.dispose()
    })
  },
)

test('a packed weight that is used in another way is named', async () => {
  const fn = ({ w }: Record<string, Tensor>) => ({ y: neg(w!) })
  await expect(fastest.load(fn, {}, { frozen: { w: packed(4, 32, 4, 16) } })).rejects.toThrow(
    'compile: the packed weight "w" goes into Neg; packed weights serve linear(x, weight) and gatherRows(weight, ids) only',
  )
})

test('sums that are normed, and rows that are sequences for a while, are what they were', async () => {
  const [d, B, T] = [32, 2, 3]
  const weights = { a: packed(d, d, 8, 32), b: packed(d, d, 8, 32) }
  const gain = { shape: [d], data: x(1, d) }
  const fn = (tensors: Record<string, Tensor>) => {
    const [embedding, first, second] = [tensors['e'], tensors['a'], tensors['b']] as [Tensor2D, Tensor2D, Tensor2D]
    const ids = tensors['ids']!
    const rows = gatherRows(embedding, reshape(ids, [-1]))
    const turned = neg(reshape(linear(rows, first), [...ids.shape, d]))
    const sum: Tensor2D = add(rows, reshape(turned, rows.shape))
    return { y: add(sum, linear(rmsNorm(sum, tensors['gain'] as Tensor1D, 1e-5), second)), sum }
  }
  const e = { shape: [5, d], data: x(5, d) }
  const inputs = { ids: { dtype: 'int32', shape: ['B', 'T'] }, batch: { dtype: 'float32', shape: ['B'] } } as const
  const ordered = { batch: inputs.batch, ids: inputs.ids }
  const feeds = { batch: new Float32Array(B), ids: Int32Array.of(1, 4, 4, 0, 2, 3) }
  const outs = []
  for (const engine of [fastest, eagerEngine()]) {
    const program = await engine.load(fn, ordered, { frozen: { ...weights, gain, e } })
    outs.push(await program.run(feeds))
    await program.dispose()
  }
  const [compiled, plain] = outs as [Record<string, Float32Array>, Record<string, Float32Array>]
  for (const name of ['y', 'sum']) {
    const wanted = Array.from(plain[name]!)
    expect(wanted.length).toBe(B * T * d)
    expect(difference(compiled[name]!, wanted)).toBeLessThan(0.02 * largest(wanted))
  }
})
