import '@tensorflow/tfjs-backend-cpu'
import { StemkitError } from '@stemkit/spec/errors'
import { afterAll, expect, test } from 'vitest'
import {
  attention,
  causalMask,
  crossEntropy,
  documentMask,
  gatherRows,
  linear,
  linearCrossEntropy,
  memory,
  rmsNorm,
  rope,
  ropeTables,
  siluMul,
  tidy,
  useBackend,
  withScope,
  zeros,
} from './index.ts'
import type { DataType, Tensor, Tensor1D, Tensor2D, Tensor3D } from './index.ts'

await useBackend('cpu')

const of = <T extends Tensor>(shape: number[], dtype?: DataType) => zeros(shape, dtype) as Tensor as T
const vector = (length: number, dtype?: DataType) => of<Tensor1D>([length], dtype)
const matrix = (rows: number, columns: number, dtype?: DataType) => of<Tensor2D>([rows, columns], dtype)
const cube = (...shape: [number, number, number]) => of<Tensor3D>(shape)

const cases: [name: string, run: () => unknown, message: string][] = [
  [
    'linear names both shapes and whose size it took',
    () => linear(matrix(4, 8), matrix(12, 16)),
    'linear: w is float32 [12, 16], but must be [out, in] with in = 8, as x float32 [4, 8] has it',
  ],
  [
    'linear wants matrices',
    () => linear(cube(1, 4, 8) as Tensor as Tensor2D, matrix(8, 8)),
    'linear: x is float32 [1, 4, 8], but must be [N, in]',
  ],
  [
    'rmsNorm',
    () => rmsNorm(matrix(4, 8), vector(7), 1e-5),
    'rmsNorm: gain is float32 [7], but must be [d] with d = 8, as x float32 [4, 8] has it',
  ],
  [
    'rope wants integer positions',
    () => rope(cube(1, 3, 8), matrix(1, 3), ropeTables(4, 4, 1e4), 2),
    'rope: positions is float32 [1, 3], but must be int32 [B, T]',
  ],
  [
    'rope wants tables of the head width',
    () => rope(cube(1, 3, 8), matrix(1, 3, 'int32'), ropeTables(4, 2, 1e4), 2),
    'rope: x is [1, 3, 8], but the tables are for 2 heads of 2 channels',
  ],
  ['ropeTables wants pairs', () => ropeTables(4, 3, 1e4), 'ropeTables: headDim is 3, but must be even'],
  [
    'attention wants whole heads',
    () => attention(cube(1, 3, 10), cube(1, 3, 4), cube(1, 3, 4), causalMask(3), { heads: 4, kvHeads: 2 }),
    'attention: q is [1, 3, 10]; its width must be a multiple of 4 heads, and they of 2 kvHeads',
  ],
  [
    'attention wants keys of kvHeads heads',
    () => attention(cube(1, 3, 8), cube(1, 3, 8), cube(1, 3, 4), causalMask(3), { heads: 4, kvHeads: 2 }),
    'attention: k is float32 [1, 3, 8], but must be [B, T, 4]',
  ],
  [
    'attention wants a mask of its length',
    () => attention(cube(2, 3, 8), cube(2, 3, 4), cube(2, 3, 4), causalMask(4), { heads: 4, kvHeads: 2 }),
    'attention: mask is float32 [1, 1, 4, 4], but must be [1, 1, T, T] with T = 3, as q float32 [2, 3, 8] has it',
  ],
  [
    'documentMask wants integers',
    () => documentMask(matrix(1, 3)),
    'documentMask: documents is float32 [1, 3], but must be int32 [B, T]',
  ],
  [
    'siluMul',
    () => siluMul(matrix(4, 8), matrix(3, 8)),
    'siluMul: up is float32 [3, 8], but must be [N, f] with N = 4, as gate float32 [4, 8] has it',
  ],
  [
    'gatherRows wants integers',
    () => gatherRows(matrix(4, 8), vector(3)),
    'gatherRows: indices is float32 [3], but must be int32 [N]',
  ],
  [
    'crossEntropy',
    () => crossEntropy(matrix(4, 8), vector(3, 'int32')),
    'crossEntropy: targets is int32 [3], but must be [N] with N = 4, as logits float32 [4, 8] has it',
  ],
  [
    'linearCrossEntropy',
    () => linearCrossEntropy(matrix(4, 8), matrix(9, 7), vector(4, 'int32')),
    'linearCrossEntropy: w is float32 [9, 7], but must be [V, d] with d = 8, as x float32 [4, 8] has it',
  ],
]

/** What `run` throws, or undefined. */
function failure(run: () => unknown): unknown {
  try {
    tidy(() => void run())
    return undefined
  } catch (error) {
    return error
  }
}

test.each(cases)('%s', (_, run, message) => {
  const error = failure(run)
  expect(StemkitError.isInstance(error) && error.code).toBe('bad-input')
  expect((error as Error).message).toBe(message)
})

test('inside a scope the message says where', () => {
  const error = failure(() => withScope('layers.3.mlp', () => siluMul(matrix(1, 2), matrix(1, 3))))
  expect((error as Error).message).toMatch(/^siluMul in layers\.3\.mlp: up is/)
})

afterAll(() => expect(memory().numTensors).toBe(0))
