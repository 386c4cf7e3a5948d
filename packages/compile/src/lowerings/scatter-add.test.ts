import { gatherRows, mul, sum, valueAndGrads, type Scalar, type Tensor1D, type Tensor2D } from '@stemkit/tensor'
import { expect, test } from 'vitest'
import { compile } from '../compile.ts'
import { onnxRuntimeCApi } from '../node/onnxruntime-c-api.ts'

const [N, rows, width] = [4096, 5, 64]

test('rows that occur again and again get all their summands, however many threads there are', async () => {
  const program = await compile(
    ({ table, ids, dy }) => {
      const loss = (each: Tensor2D): Scalar => sum(mul(gatherRows(each, ids as Tensor1D), dy!))
      return { gradient: valueAndGrads(loss)([table as Tensor2D]).grads[0]! }
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
