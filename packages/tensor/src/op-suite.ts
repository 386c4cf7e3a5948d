import { describe, expect, test } from 'vitest'
import { memory, mul, sum, tensor, tidy, valueAndGrads } from './index.ts'
import type { Scalar, Tensor } from './index.ts'
import { describeCachedAttention } from './testing/cached-attention-suite.ts'
import { normal } from './testing/op-case.ts'
import { numericGradient, opCases, toTensors } from './testing.ts'
import type { OpCase } from './testing.ts'

/** Largest difference, relative to the largest entry expected (or to 1 where that is smaller, with `floor`). */
function difference(actual: ArrayLike<number>, expected: Float64Array, floor = 0): number {
  expect(actual.length).toBe(expected.length)
  const scale = expected.reduce((largest, value) => Math.max(largest, Math.abs(value)), floor)
  return expected.reduce((largest, value, i) => Math.max(largest, Math.abs(value - actual[i]!)), 0) / scale
}

/** sum(dy * op(inputs)) and its gradients, with tensors that are gone afterwards. */
function differentiate({ run, differentiable }: OpCase, tensors: Record<string, Tensor>, dy: Tensor) {
  return valueAndGrads((...leaves: Tensor[]) => {
    const given = Object.fromEntries(differentiable.map((name, i) => [name, leaves[i]!]))
    return sum(mul(run({ ...tensors, ...given }), dy)) as Scalar
  })(differentiable.map((name) => tensors[name]!))
}

/** What every backend owes: each op's value and gradients, and nothing left behind. The backend must be current. */
export function describeOps(backend: string): void {
  describeCachedAttention(backend)
  describe.each(opCases.map((each) => ({ name: each.name, case: each })))(`$name on ${backend}`, ({ case: op }) => {
    const inputs = op.inputs()
    const expected = op.reference(inputs)
    const dy = normal(99, [expected.length])

    test('gives the value of the 64-bit reference', async () => {
      const tensors = toTensors(inputs)
      const y = tidy(() => op.run(tensors))
      expect(difference(await y.data(), expected, 1)).toBeLessThan(5e-6)
    })

    test('gives the gradients that finite differences give, and frees all it took', async () => {
      const before = memory()
      const tensors = toTensors(inputs)
      const shape = tidy(() => op.run(tensors).shape)
      const cotangent = tensor(Float32Array.from(dy.data), shape)
      const { value, grads } = tidy(() => differentiate(op, tensors, cotangent))
      for (const [i, name] of op.differentiable.entries()) {
        const numeric = numericGradient(op, inputs, name, dy.data)
        expect(grads[i]!.shape).toEqual(inputs[name]!.shape)
        expect(difference(await grads[i]!.data(), numeric), `gradient of ${name}`).toBeLessThan(2e-5)
      }
      for (const each of [value, cotangent, ...grads, ...Object.values(tensors)]) each.dispose()
      expect(memory()).toMatchObject({ numTensors: before.numTensors, numBytes: before.numBytes })
    })
  })
}
