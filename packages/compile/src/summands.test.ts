import {
  gatherRows,
  mul,
  sub,
  sum,
  tidy,
  valueAndGrads,
  type Scalar,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
} from '@stemkit/tensor'
import { afterAll, describe, expect, test } from 'vitest'
import { compile, type CompiledProgram } from './compile.ts'
import { onnxRuntimeCApi } from './node/onnxruntime-c-api.ts'
import type { InputSpec } from './trace.ts'

const [N, w] = [6, 2]
const inputs: Record<string, InputSpec> = {
  table: { dtype: 'float32', shape: ['U', w] },
  ids: { dtype: 'int32', shape: [N] },
  weights: { dtype: 'float32', shape: [N, w] },
}
const feeds = {
  table: Float32Array.of(1, 2, 3, 4, 5, 6),
  ids: Int32Array.of(2, 0, 2, 2, 0, 1),
  weights: Float32Array.from({ length: N * w }, (_, i) => i + 1),
}

type Given = Record<string, Tensor>

/** The gradient of sum(weights * y), with y [N, w] made of a table. */
const gradientOf =
  (make: (table: Tensor2D, given: Given) => Tensor) =>
  (given: Given): Given => {
    const loss = (table: Tensor): Scalar => tidy(() => sum(mul(make(table as Tensor2D, given), given['weights']!)))
    return { gradient: valueAndGrads(loss)([given['table']!]).grads[0]! }
  }
const gather = (table: Tensor2D, { ids }: Given): Tensor2D => gatherRows(table, ids as Tensor1D)

const programs: CompiledProgram[] = []
afterAll(() => Promise.all(programs.map((program) => program.dispose())))
async function load(fn: (given: Given) => Given, summands: string[]): Promise<CompiledProgram> {
  const program = await compile(fn, { inputs, summands, runtime: onnxRuntimeCApi() })
  programs.push(program)
  return program
}

/** Adds row n of `summands` to row ids[n]. */
function added(summands: Float32Array): number[] {
  const sums = new Float32Array(feeds.table.length)
  feeds.ids.forEach((row, n) => {
    for (let c = 0; c < w; c++) sums[row * w + c]! += summands[n * w + c]!
  })
  return [...sums]
}

describe('summands', () => {
  test('of the gradient of gathered rows are given, one row for each index, with the input that has the rows', async () => {
    const [plain, left] = [await load(gradientOf(gather), []), await load(gradientOf(gather), ['gradient'])]
    expect(plain.summands.size).toBe(0)
    expect([...left.summands]).toEqual([['gradient', 'ids']])
    expect(left.outputs[0]!.shape).toEqual([N, w])
    const [whole, summands] = [await plain.run(feeds), await left.run(feeds)]
    expect(added(summands['gradient'] as Float32Array)).toEqual([...(whole['gradient'] as Float32Array)])
  })

  test('are given, too, where the graph reads them itself', async () => {
    const both = (given: Given): Given => {
      const twice = gradientOf((table, each) => mul(gather(table, each), each['weights']!))
      const squares = mul(given['weights']!, given['weights']!)
      return { ...twice(given), total: sum(squares) }
    }
    const program = await load(both, ['gradient'])
    const { gradient, total } = await program.run(feeds)
    expect([...(gradient as Float32Array)]).toEqual(Array.from(feeds.weights, (x) => x * x))
    expect([...(total as Float32Array)]).toEqual([650])
  })

  test.each<[string, (table: Tensor2D, given: Given) => Tensor]>([
    ['a table that is read twice', (table, given) => mul(gather(table, given), gather(table, given))],
    ['a table that is computed with first', (table, given) => gather(mul(table, 2), given)],
    ['rows that are computed in the graph', (table, { ids }) => gatherRows(table, sub(ids!, ids!) as Tensor1D)],
  ])('are added up in the graph for %s', async (_, make) => {
    const [plain, left] = [await load(gradientOf(make), []), await load(gradientOf(make), ['gradient', 'nothing'])]
    expect(left.summands.size).toBe(0)
    expect(await left.run(feeds)).toEqual(await plain.run(feeds))
  })
})
