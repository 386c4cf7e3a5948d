import '@tensorflow/tfjs-backend-cpu'
import * as tf from '@stemkit/tensor'
import { beforeAll, describe, expect, test } from 'vitest'
import { compile, eager } from '../index.ts'
import { nodeRuntime } from '../node.ts'
import type { TensorFunction } from '../trace.ts'

beforeAll(async () => {
  await tf.setBackend('cpu')
})

type Unary = (x: tf.Tensor) => tf.Tensor
type Binary = (a: tf.Tensor, b: tf.Tensor) => tf.Tensor

/** Deterministic numbers away from 0 and from each other, so that kinks and ties do not decide a test. */
function numbers(length: number, { from = -2, to = 2 } = {}): Float32Array {
  return Float32Array.from({ length }, (_, i) => from + (to - from) * (((i * 0.6180339887) % 1) * 0.98 + 0.011))
}

/** Runs `fn` compiled and on tfjs's cpu backend and expects the same numbers. */
async function expectSame(
  fn: TensorFunction,
  feeds: Record<string, { data: Float32Array | Int32Array; shape: number[] }>,
) {
  const inputs = Object.fromEntries(
    Object.entries(feeds).map(([name, { data, shape }]) => [
      name,
      { dtype: data instanceof Float32Array ? ('float32' as const) : ('int32' as const), shape },
    ]),
  )
  const arrays = Object.fromEntries(Object.entries(feeds).map(([name, { data }]) => [name, data]))
  const program = await compile(fn, { inputs, runtime: nodeRuntime(), session: { threads: 1 } })
  const compiled = await program.run(arrays)
  const expected = await eager(fn, { inputs }).run(arrays)
  await program.dispose()
  for (const name of Object.keys(expected)) {
    const [a, b] = [Array.from(compiled[name]!), Array.from(expected[name]!)]
    expect(a.length).toBe(b.length)
    a.forEach((value, i) =>
      expect(Math.abs(value - b[i]!), `${name}[${i}]: ${value} and ${b[i]}`).toBeLessThan(2e-5 * (1 + Math.abs(b[i]!))),
    )
  }
}

const unary: Record<string, Unary> = {
  abs: tf.abs,
  neg: tf.neg,
  exp: tf.exp,
  sigmoid: tf.sigmoid,
  tanh: tf.tanh,
  relu: tf.relu,
  softplus: tf.softplus,
  erf: tf.erf,
  sign: tf.sign,
  sin: tf.sin,
  cos: tf.cos,
  square: tf.square,
  'log of a square': (x) => tf.log(tf.add(tf.square(x), 0.1)),
  'sqrt of a square': (x) => tf.sqrt(tf.add(tf.square(x), 0.1)),
  'rsqrt of a square': (x) => tf.rsqrt(tf.add(tf.square(x), 0.1)),
  log1p: (x) => tf.log1p(tf.abs(x)),
  reciprocal: tf.reciprocal,
  round: (x) => tf.round(tf.mul(x, 2)),
  clipByValue: (x) => tf.clipByValue(x, -0.5, 1),
  softmax: (x) => tf.softmax(x),
  logSoftmax: (x) => tf.logSoftmax(x),
  logSumExp: (x) => tf.logSumExp(x, 1),
  'sum over all': (x) => tf.sum(x),
  'sum over an axis': (x) => tf.sum(x, 0),
  'sum kept': (x) => tf.sum(x, 1, true),
  mean: (x) => tf.mean(x, 1),
  max: (x) => tf.max(x, 1),
  min: (x) => tf.min(x, 0),
  prod: (x) => tf.prod(x, 1),
  cumsum: (x) => tf.cumsum(x, 1),
  transpose: (x) => tf.transpose(x),
  reshape: (x) => tf.reshape(x, [4, -1]),
  expandDims: (x) => tf.expandDims(x, 1),
  tile: (x) => tf.tile(x, [2, 1]),
  broadcastTo: (x) => tf.broadcastTo(tf.slice(x, [0, 0], [1, 4]), [5, 4]),
  slice: (x) => tf.slice(x, [1, 0], [2, -1]),
  'slice of the first axis': (x) => tf.slice(x, 1, 2),
  stridedSlice: (x) => tf.stridedSlice(x, [0, 1], [6, 4], [2, 2]),
  reverse: (x) => tf.reverse(x, 1),
  pad: (x) =>
    tf.pad(
      x,
      [
        [1, 0],
        [0, 2],
      ],
      3,
    ),
  split: (x) => tf.mul(...(tf.split(x, 2, 1) as [tf.Tensor, tf.Tensor])),
  'unstack and stack': (x) => tf.stack(tf.unstack(x, 0).toReversed(), 1),
  concat: (x) => tf.concat([x, tf.square(x)], 1),
  'cast there and back': (x) => tf.cast(tf.cast(x, 'int32'), 'float32'),
  zerosLike: tf.zerosLike,
  onesLike: tf.onesLike,
  'a constant of one number': (x) => tf.add(x, tf.ones([6, 4])),
  oneHot: (x) => tf.oneHot(tf.cast(tf.abs(tf.slice(x, [0, 0], [6, 1])), 'int32'), 3),
  addN: (x) => tf.addN([x, tf.square(x), x]),
}

const integer: Record<string, Unary> = {
  argMax: (x) => tf.argMax(x, 1),
  argMin: (x) => tf.argMin(x, 0),
  'all and any': (x) => tf.logicalOr(tf.all(tf.greater(x, -9), 1), tf.any(tf.less(x, -9), 1)),
}

const binary: Record<string, Binary> = {
  add: tf.add,
  sub: tf.sub,
  mul: tf.mul,
  div: tf.div,
  maximum: tf.maximum,
  minimum: tf.minimum,
  'power of a positive': (a, b) => tf.pow(tf.add(tf.abs(a), 0.5), b),
  'a row against a matrix': (a, b) => tf.mul(a, tf.slice(b, [0, 0], [1, 4])),
  'where greater': (a, b) => tf.where(tf.greater(a, b), a, tf.square(b)),
  'where at most': (a, b) => tf.where(tf.logicalNot(tf.lessEqual(a, b)), a, b),
  'matrix product, second transposed': (a, b) => tf.matMul(a, b, false, true),
  'matrix product, first transposed': (a, b) => tf.matMul(a, b, true, false),
  'batched product': (a, b) => tf.matMul(tf.reshape(a, [2, 3, 4]), tf.reshape(b, [2, 3, 4]), false, true),
  'gather rows': (a, b) => tf.gather(a, tf.cast(tf.abs(tf.reshape(tf.slice(b, [0, 0], [5, 1]), [5])), 'int32')),
  'segment sum': (a, b) =>
    tf.unsortedSegmentSum(a, tf.cast(tf.abs(tf.reshape(tf.slice(b, [0, 0], [6, 1]), [6])), 'int32') as tf.Tensor1D, 3),
}

describe('a compiled kernel computes what the cpu backend computes', () => {
  const x = { data: numbers(24), shape: [6, 4] }
  for (const [name, fn] of Object.entries({ ...unary, ...integer })) {
    test(name, () => expectSame((inputs) => ({ y: fn(inputs['x']!) }), { x }))
  }
  for (const [name, fn] of Object.entries(binary)) {
    const b = { data: numbers(24, { from: 2.4, to: -2.1 }), shape: [6, 4] }
    test(name, () => expectSame((inputs) => ({ y: fn(inputs['a']!, inputs['b']!) }), { a: x, b }))
  }
})

describe('gradients are recorded like everything else', () => {
  const smooth = [
    'exp',
    'sigmoid',
    'tanh',
    'relu',
    'softplus',
    'erf',
    'square',
    'softmax',
    'logSoftmax',
    'mean',
    'max',
    'cumsum',
    'transpose',
    'tile',
    'slice',
    'pad',
    'split',
    'concat',
    'clipByValue',
    'rsqrt of a square',
    'sqrt of a square',
    'log of a square',
    'reciprocal',
    'logSumExp',
    'sum kept',
  ]
  for (const name of smooth) {
    test(name, async () => {
      const scalarOf = (x: tf.Tensor): tf.Scalar => {
        const y = unary[name]!(x)
        const weights = tf.reshape(tf.tensor(numbers(y.size)), y.shape)
        return tf.sum(tf.mul(y, weights)) as tf.Scalar
      }
      await expectSame((inputs) => ({ dx: tf.grad(scalarOf)(inputs['x']!) }), {
        x: { data: numbers(24), shape: [6, 4] },
      })
    })
  }
  // tfjs has no gradient through an index or a comparison.
  const discrete = ['gather rows', 'segment sum', 'where greater', 'where at most']
  for (const name of Object.keys(binary).filter((key) => !discrete.includes(key))) {
    test(name, async () => {
      const scalarOf = (a: tf.Tensor, b: tf.Tensor): tf.Scalar => tf.sum(tf.square(binary[name]!(a, b))) as tf.Scalar
      await expectSame(
        (inputs) => {
          const [da, db] = tf.grads(scalarOf)([inputs['a']!, inputs['b']!])
          return { da: da!, db: db! }
        },
        {
          a: { data: numbers(24), shape: [6, 4] },
          b: { data: numbers(24, { from: 2.4, to: -2.1 }), shape: [6, 4] },
        },
      )
    })
  }
})
