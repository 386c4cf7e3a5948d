import { add, linear, mul } from '@stemkit/tensor'
import type { Tensor2D } from '@stemkit/tensor'
import { expect, test } from 'vitest'
import { compile } from './index.ts'
import { onnxRuntimeCApi } from './node.ts'

test('a program tells what inputs its products had: x^T x, once for weights that share an input', async () => {
  const frozen = {
    a: { shape: [3, 2], data: Float32Array.of(1, 2, 3, 4, 5, 6) },
    b: { shape: [3, 2], data: Float32Array.of(6, 5, 4, 3, 2, 1) },
    c: { shape: [1, 3], data: Float32Array.of(1, 1, 1) },
    silent: { shape: [1, 3], data: Float32Array.of(2, 2, 2) },
  }
  const program = await compile(
    ({ x, a, b, c, silent }) => {
      const sum: Tensor2D = mul(linear(x as Tensor2D, a as Tensor2D), linear(x as Tensor2D, b as Tensor2D))
      return { y: add(linear(sum, c as Tensor2D), linear(sum, silent as Tensor2D)) }
    },
    {
      inputs: { x: { dtype: 'float32', shape: ['N', 2] } },
      frozen,
      grams: ['a', 'b', 'c'],
      runtime: onnxRuntimeCApi(),
    },
  )
  const found = await program.run({ x: Float32Array.of(1, 2, -3, 4) })
  await program.dispose()
  const gramOf = (name: string): number[] => [...(found[program.grams.get(name)!] as Float32Array)]
  expect(gramOf('a')).toEqual([10, -10, -10, 20])
  expect(program.grams.get('b')).toBe(program.grams.get('a'))
  // (1, 2) gives (5, 11, 17) * (16, 10, 4), and (-3, 4) gives (5, 7, 9) * (2, 0, -2).
  const rows = [
    [80, 110, 68],
    [10, 0, -18],
  ]
  expect(gramOf('c')).toEqual(
    [0, 1, 2].flatMap((i) => [0, 1, 2].map((j) => rows[0]![i]! * rows[0]![j]! + rows[1]![i]! * rows[1]![j]!)),
  )
  expect(program.grams.has('silent')).toBe(false)
})

test('grams of a weight that is not there are refused', async () => {
  const inputs = { x: { dtype: 'float32', shape: ['N', 2] } } as const
  const asked = compile(({ x }) => ({ y: x! }), { inputs, grams: ['nothing'], runtime: onnxRuntimeCApi() })
  await expect(asked).rejects.toThrow('grams names "nothing", which is none of the frozen weights')
})
