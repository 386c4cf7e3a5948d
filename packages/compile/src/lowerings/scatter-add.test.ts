import {
  gatherRows,
  mul,
  scatterND,
  sum,
  valueAndGrads,
  type Scalar,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
} from '@stemkit/tensor'
import { expect, test } from 'vitest'
import { compile } from '../compile.ts'
import { onnxRuntimeCApi } from '../node/onnxruntime-c-api.ts'

const [N, rows, width] = [4096, 5, 64]

test('rows that occur again and again get all their summands, however many threads there are', async () => {
  const program = await compile(
    ({ table, ids, dy }) => {
      const loss = (...[each]: Tensor[]): Scalar => sum(mul(gatherRows(each as Tensor2D, ids as Tensor1D), dy!))
      return { gradient: valueAndGrads(loss)([table!]).grads[0]! }
    },
    {
      inputs: {
        table: { dtype: 'float32', shape: [rows, width] },
        ids: { dtype: 'int32', shape: [N] },
        dy: { dtype: 'float32', shape: [N, width] },
      },
      runtime: onnxRuntimeCApi(),
      session: { threads: 4 },
    },
  )
  const ids = Int32Array.from({ length: N }, (_, i) => (i * i) % rows)
  // Whole numbers, whose sums are exact in any order.
  const dy = Float32Array.from({ length: N * width }, (_, i) => i % 7)
  const expected = new Float32Array(rows * width)
  for (let i = 0; i < N; i++) {
    for (let c = 0; c < width; c++) expected[ids[i]! * width + c]! += dy[i * width + c]!
  }
  for (let round = 0; round < 20; round++) {
    const { gradient } = await program.run({ table: new Float32Array(rows * width), ids, dy })
    expect(gradient).toEqual(expected)
  }
  await program.dispose()
})

test.each([
  ['one index', [4], [5], [[3], [0], [3], [3]]],
  [
    'two indices',
    [4, 2],
    [2, 3],
    [
      [1, 2],
      [0, 0],
      [1, 2],
      [1, 0],
    ],
  ],
] as const)('scatterND by %s adds what goes to one place', async (_, shape, outer, indices) => {
  const program = await compile(({ at, updates }) => ({ y: scatterND(at!, updates!, [...outer, 2]) }), {
    inputs: {
      at: { dtype: 'int32', shape: shape.length === 1 ? [4, 1] : [...shape] },
      updates: { dtype: 'float32', shape: [4, 2] },
    },
    runtime: onnxRuntimeCApi(),
  })
  const expected = new Float32Array(2 * outer.reduce<number>((a, b) => a * b, 1))
  const updates = Float32Array.from({ length: 8 }, (__, i) => i + 1)
  indices.forEach((index, i) => {
    const place = index.length === 1 ? index[0] : index[0] * 3 + index[1]!
    for (let c = 0; c < 2; c++) expected[2 * place + c]! += updates[2 * i + c]!
  })
  const { y } = await program.run({ at: Int32Array.from(indices.flat()), updates })
  expect(y).toEqual(expected)
  await program.dispose()
})
