import '@tensorflow/tfjs-backend-cpu'
import { afterEach, expect, test } from 'vitest'
import * as kernels from './kernels.ts'
import {
  fused,
  linear,
  matMul,
  memory,
  registerKernel,
  rmsNorm,
  square,
  sum,
  tensor1d,
  tensor2d,
  tidy,
  unregisterKernel,
  useBackend,
  valueAndGrads,
} from './index.ts'
import type { KernelFunc, NamedAttrMap, Scalar, Tensor, Tensor2D } from './index.ts'

await useBackend('cpu')
const registered: string[] = []

/** Registers `kernelFunc` under `kernelName` for the cpu backend until the test is over. */
function register(kernelName: string, kernelFunc: KernelFunc): void {
  registerKernel({ kernelName, backendName: 'cpu', kernelFunc })
  registered.push(kernelName)
}

afterEach(() => registered.splice(0).forEach((name) => unregisterKernel(name, 'cpu')))

test('every constant is the name of its kernel', () => {
  expect(Object.entries(kernels)).toHaveLength(15)
  for (const [constant, name] of Object.entries(kernels)) expect(name).toBe(constant)
})

test('without a kernel the composed form runs and leaves its results only', () => {
  const x = tensor1d([1, 2, 3])
  const before = memory().numTensors
  const [y] = fused('StemNowhere', { x }, {}, () => [square(square(x))])
  expect([...y!.dataSync()]).toEqual([1, 16, 81])
  expect(memory().numTensors).toBe(before + 1)
  for (const each of [x, y!]) each.dispose()
})

test('a kernel that the backend registers runs instead, forward and backward', () => {
  const calls: NamedAttrMap[] = []
  register(kernels.StemGemm, ({ inputs, attrs }) => {
    calls.push(attrs!)
    const { a, b } = inputs as { a: Tensor; b: Tensor }
    return matMul(a, b, attrs!.transposeA as boolean, attrs!.transposeB as boolean)
  })
  const [y, dx, dw] = tidy(() => {
    const x = tensor2d([[1, 2, 3]])
    const w = tensor2d([
      [1, 0, 1],
      [0, 2, 0],
    ])
    const { value, grads } = valueAndGrads((...leaves: Tensor[]) => {
      return sum(square(linear(leaves[0] as Tensor2D, leaves[1] as Tensor2D))) as Scalar
    })([x, w])
    return [value, ...grads].map((each) => [...each.dataSync()])
  })
  expect(y).toEqual([32])
  expect(dx).toEqual([8, 16, 8])
  expect(dw).toEqual([8, 16, 24, 8, 16, 24])
  expect(calls).toEqual([
    { transposeA: false, transposeB: true },
    { transposeA: false, transposeB: false },
    { transposeA: true, transposeB: false },
  ])
})

test('a kernel may have several outputs, and its gradient reads them', () => {
  register(kernels.StemRmsNorm, ({ inputs }) => {
    const { x } = inputs as { x: Tensor }
    return [square(x), tensor2d([[7]])]
  })
  register(kernels.StemRmsNormGrad, ({ inputs }) => {
    const { dy, x, gain, inverse } = inputs as Record<'dy' | 'x' | 'gain' | 'inverse', Tensor>
    expect([dy, x, gain, inverse].map(({ shape }) => shape)).toEqual([[1, 2], [1, 2], [2], [1, 1]])
    return [matMul(inverse, x as Tensor2D), square(gain)]
  })
  const [dx, dgain] = tidy(() => {
    const { grads } = valueAndGrads((...[x, gain]: Tensor[]) => {
      return sum(rmsNorm(x as Tensor2D, gain as ReturnType<typeof tensor1d>, 1e-5)) as Scalar
    })([tensor2d([[1, 2]]), tensor1d([3, 4])])
    return grads.map((each) => [...each.dataSync()])
  })
  expect(dx).toEqual([7, 14])
  expect(dgain).toEqual([9, 16])
})
