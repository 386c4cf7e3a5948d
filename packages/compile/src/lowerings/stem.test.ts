import '@tensorflow/tfjs-backend-cpu'
import * as tf from '@stemkit/tensor'
import { numericGradient, opCases } from '@stemkit/tensor/testing'
import { beforeAll, describe, expect, test } from 'vitest'
import { compile, type InputSpec } from '../index.ts'
import { nodeRuntime } from '../node.ts'

beforeAll(async () => {
  await tf.setBackend('cpu')
})

function difference(actual: ArrayLike<number>, expected: ArrayLike<number>, floor: number): number {
  const scale = Math.max(floor, ...Array.from(expected, Math.abs))
  return Math.max(...Array.from(expected, (value, i) => Math.abs(value - actual[i]!))) / scale
}

describe.each(opCases.map((op) => ({ name: op.name, op })))('$name, compiled', ({ op }) => {
  const inputs = op.inputs()
  const specs = Object.fromEntries(
    Object.entries(inputs).map(([name, { dtype, shape }]) => [name, { dtype, shape } as InputSpec]),
  )
  const feeds = Object.fromEntries(
    Object.entries(inputs).map(([name, { data, dtype }]) => [
      name,
      (dtype === 'int32' ? Int32Array : Float32Array).from(data),
    ]),
  )
  const expected = op.reference(inputs)

  test('gives the value and the gradients of the 64-bit reference, and leaves no tensor behind', async () => {
    const dy = Float32Array.from(expected, (_, i) => Math.sin(i + 1))
    const before = tf.memory().numTensors
    const program = await compile(
      (tensors) => {
        const y = op.run(tensors)
        const loss = (...leaves: tf.Tensor[]): tf.Scalar => {
          const given = Object.fromEntries(op.differentiable.map((name, i) => [name, leaves[i]!]))
          return tf.sum(tf.mul(op.run({ ...tensors, ...given }), tf.tensor(dy, y.shape))) as tf.Scalar
        }
        const grads = tf.grads(loss)(op.differentiable.map((name) => tensors[name]!))
        return { y, ...Object.fromEntries(op.differentiable.map((name, i) => [`grad ${name}`, grads[i]!])) }
      },
      { inputs: specs, runtime: nodeRuntime(), session: { threads: 1 } },
    )
    expect(tf.memory().numTensors).toBe(before)
    const out = await program.run(feeds)
    await program.dispose()
    expect(difference(out['y']!, expected, 1)).toBeLessThan(5e-6)
    for (const name of op.differentiable) {
      const numeric = numericGradient(op, inputs, name, Float64Array.from(dy))
      expect(difference(out[`grad ${name}`]!, numeric, 0), `gradient of ${name}`).toBeLessThan(2e-5)
    }
  })
})
