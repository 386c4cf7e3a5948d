import { expect, test } from 'vitest'
import '@tensorflow/tfjs-backend-cpu'
import * as tf from '@stemkit/tensor'
import { compile } from './index.ts'
import { nodeRuntime } from './node.ts'

test('x', async () => {
  const p = await compile(({ x, w }) => {
    const f = (x: tf.Tensor, w: tf.Tensor) => tf.sum(tf.square(tf.linear(x as tf.Tensor2D, w as tf.Tensor2D)))
    const { value, grads } = tf.valueAndGrads(f)([x!, w!])
    return { value, dx: grads[0]!, dw: grads[1]! }
  }, { inputs: { x: { dtype: 'float32', shape: ['N', 3] }, w: { dtype: 'float32', shape: [2, 3] } }, runtime: nodeRuntime() })
  const out = await p.run({ x: Float32Array.of(1, 2, 3), w: Float32Array.of(1, 0, 0, 0, 1, 0) })
  console.log(out)
  console.log(await p.run({ x: Float32Array.of(1, 2, 3,4,5,6), w: Float32Array.of(1, 0, 0, 0, 1, 0) }))
  expect(1).toBe(1)
})
