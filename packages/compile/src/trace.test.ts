import '@tensorflow/tfjs-backend-cpu'
import * as tf from '@stemkit/tensor'
import { StemkitError } from '@stemkit/spec/errors'
import { beforeEach, expect, test } from 'vitest'
import { compile, registerLowering, trace, type TensorFunction } from './index.ts'
import { nodeRuntime } from './node.ts'

beforeEach(async () => {
  await tf.setBackend('cpu')
})

const runtime = nodeRuntime()
const vector = { dtype: 'float32', shape: ['N'] } as const

function messageOf(fn: () => unknown): string {
  try {
    fn()
  } catch (error) {
    expect(StemkitError.isInstance(error), String(error)).toBe(true)
    return (error as Error).message
  }
  throw new Error('nothing was thrown')
}

test('a symbolic size takes whatever length the run brings, in shapes and in products of shapes', async () => {
  const fn: TensorFunction = ({ x, w }) => {
    const scores = tf.matMul(x!, w!) // [N, 2]
    return {
      flat: tf.reshape(scores, [-1]),
      total: tf.sum(tf.mul(scores, tf.ones(scores.shape))),
      twice: tf.concat([x!, x!], 0),
    }
  }
  const inputs = { x: { dtype: 'float32', shape: ['N', 3] }, w: { dtype: 'float32', shape: [3, 2] } } as const
  const program = await compile(fn, { inputs, runtime })
  expect(program.outputs.map((port) => port.shape)).toEqual([['2*N'], [], ['2*N', 3]])
  for (const n of [1, 2, 5, 64]) {
    const x = Float32Array.from({ length: n * 3 }, (_, i) => i)
    const { flat, total, twice } = await program.run({ x, w: Float32Array.of(1, 0, 0, 1, 0, 0) })
    expect(Array.from(flat!)).toEqual(Array.from({ length: n * 2 }, (_, i) => 3 * Math.floor(i / 2) + (i % 2)))
    expect(total![0]).toBe(Array.from(flat!).reduce((a, b) => a + b, 0))
    expect(twice!.length).toBe(2 * x.length)
  }
  await program.dispose()
})

test('two symbolic sizes and their product', async () => {
  const program = await compile(({ x }) => ({ y: tf.reshape(tf.transpose(x!), [-1]) }), {
    inputs: { columns: { dtype: 'float32', shape: ['T'] }, x: { dtype: 'float32', shape: ['B', 'T'] } },
    runtime,
  })
  expect(program.outputs[0]!.shape).toEqual(['T*B'])
  const { y } = await program.run({ columns: new Float32Array(3), x: Float32Array.of(1, 2, 3, 4, 5, 6) })
  expect(Array.from(y!)).toEqual([1, 4, 2, 5, 3, 6])
  await program.dispose()
})

test('a function that does something else at another size is refused', () => {
  const inputs = { x: vector }
  expect(messageOf(() => trace(({ x }) => ({ y: x!.size > 10 ? tf.exp(x!) : tf.log(x!) }), inputs))).toMatch(
    /node 0 \(\w+\) is recorded differently when N = 7 and N = 11; make the function treat every size alike/,
  )
  expect(messageOf(() => trace(({ x }) => ({ y: tf.mul(x!, 1 / x!.size) }), inputs))).toMatch(
    /constant .* depends on a symbolic size/,
  )
  expect(messageOf(() => trace(({ x }) => ({ y: tf.slice(x!, [0], [Math.floor(x!.size / 2)]) }), inputs))).toMatch(
    /is 3 when N = 7 and 5 when N = 11, which the symbolic sizes do not explain/,
  )
})

test('reading a value while recording says what to do instead', () => {
  expect(messageOf(() => trace(({ x }) => ({ y: tf.scalar(tf.sum(x!).dataSync()[0]!) }), { x: vector }))).toBe(
    'compile: a tensor was read (dataSync, array, print) while the function was recorded, where it has no numbers yet; return it as an output instead',
  )
})

test('a kernel without a lowering is named, with the way to add one', async () => {
  const fn: TensorFunction = ({ x }) => ({ y: tf.engine().runKernel('Asinh', { x: x! }) as tf.Tensor })
  expect(messageOf(() => trace(fn, { x: vector }))).toBe(
    "compile: the tfjs kernel Asinh has no lowering to ONNX; add one with registerLowering('Asinh', (inputs, attributes, graph) => ...)",
  )
  registerLowering('Asinh', ({ x }, _, graph) => graph.node('Asinh', [x!], x!))
  const program = await compile(fn, { inputs: { x: vector }, runtime })
  expect((await program.run({ x: Float32Array.of(1) }))['y']![0]).toBeCloseTo(Math.asinh(1), 6)
  await program.dispose()
})

test('recording leaves the current backend, its tensors and its memory as they were', async () => {
  const weights = tf.tensor2d([
    [1, 2],
    [3, 4],
  ])
  const before = tf.memory()
  const program = await compile(({ x }) => ({ y: tf.matMul(x!, weights) }), {
    inputs: { x: { dtype: 'float32', shape: ['N', 2] } },
    runtime,
  })
  expect(tf.getBackend()).toBe('cpu')
  expect(tf.memory().numTensors).toBe(before.numTensors)
  expect(tf.memory().numDataBuffers).toBe(before.numDataBuffers)
  // The captured tensor became a constant of the graph and is still a cpu tensor.
  expect(Array.from(await weights.data())).toEqual([1, 2, 3, 4])
  expect(Array.from(tf.matMul(tf.ones([1, 2]), weights).dataSync())).toEqual([4, 6])
  expect(Array.from((await program.run({ x: Float32Array.of(1, 1) }))['y']!)).toEqual([4, 6])
  await program.dispose()
  weights.dispose()
})

test('a function that throws leaves the backend as it was', () => {
  expect(() =>
    trace(
      () => {
        throw new RangeError('mine')
      },
      { x: vector },
    ),
  ).toThrow(new RangeError('mine'))
  expect(tf.getBackend()).toBe('cpu')
})

test('equal nodes are recorded once, and what no output needs is dropped', () => {
  const graph = trace(
    ({ x }) => {
      tf.exp(x!)
      return { y: tf.add(tf.square(x!), tf.square(x!)) }
    },
    { x: vector },
  )
  expect(graph.nodes.map((node) => node.op)).toEqual(['Mul', 'Add'])
})

test('outputs may be inputs, constants, or the same value twice', async () => {
  const program = await compile(
    ({ x }) => {
      const y = tf.neg(x!)
      return { same: x!, one: tf.scalar(1), y, again: y }
    },
    { inputs: { x: vector }, runtime },
  )
  const out = await program.run({ x: Float32Array.of(3) })
  expect([out['same']![0], out['one']![0], out['y']![0], out['again']![0]]).toEqual([3, 1, -3, -3])
  await program.dispose()
})
