import '@tensorflow/tfjs-backend-cpu'
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, expect, test } from 'vitest'
import * as stemkit from './index.ts'

const { concat, grad, max, mul, slice, softmax, square, sum, tensor, tidy, transpose, useBackend, where } = stemkit
const bundle = await readFile(new URL('../generated/register-gradients.js', import.meta.url), 'utf8')

beforeAll(() => useBackend('cpu'))

test('the engine and the Tensor class are those of the tfjs that a program imports itself', () => {
  expect(stemkit.engine()).toBe(tf.engine())
  expect(stemkit.Tensor).toBe(tf.Tensor)
  expect(tidy(() => tensor([1]) instanceof tf.Tensor)).toBe(true)
})

test('the gradient bundle holds gradients only: no class, engine, backend or kernel', () => {
  const foreign = /class\b|_tfGlobals|registerKernel|registerBackend|new Engine/.exec(bundle)
  expect(foreign?.[0]).toBeUndefined()
  expect(bundle.length).toBeLessThan(80_000)
  for (const kernel of [tf.Add, tf.BatchMatMul, tf.Concat, tf.GatherV2, tf.Mean, tf.Select, tf.Slice, tf.Softmax]) {
    expect(tf.getGradient(kernel), kernel).toBeDefined()
  }
})

/** Gradients of stock ops: what is not one of our own ops still has to be differentiable. */
const stock: [name: string, f: (x: stemkit.Tensor) => stemkit.Tensor, at: number[], expected: number[]][] = [
  ['square', (x) => square(x), [1, 2, 3], [2, 4, 6]],
  ['softmax', (x) => slice(softmax(x), 0, 1), [0, 0], [0.25, -0.25]],
  ['max', (x) => max(x), [1, 5, 2], [0, 1, 0]],
  ['concat and slice', (x) => slice(concat([x, mul(x, 3)]), 1, 3), [1, 2, 3], [3, 1, 1]],
  ['where', (x) => where(tensor([true, false]), square(x), mul(x, 5)), [-2, 2], [-4, 5]],
  ['transpose', (x) => slice(transpose(stemkit.reshape(x, [2, 2])), [1, 0], [1, 2]), [1, 2, 3, 4], [0, 1, 0, 1]],
  ['the same tensor used twice', (x) => stemkit.add(x, x), [1], [2]],
]

test.each(stock)('the gradient of %s is registered', (_, f, at, expected) => {
  const gradient = tidy(() => [...grad((x: stemkit.Tensor) => sum(f(x)))(tensor(at)).dataSync()])
  expect(gradient).toEqual(expected)
})

test('gradients work in plain Node, whichever of tfjs and this package is imported first', async () => {
  const program = `
    import { grad, square, tensor, useBackend } from './src/index.ts'
    import '@tensorflow/tfjs-backend-cpu'
    await useBackend('cpu')
    console.log(grad((x) => square(x))(tensor([3])).dataSync()[0])`
  const cwd = fileURLToPath(new URL('..', import.meta.url))
  const run = (source: string) => promisify(execFile)(process.execPath, ['--input-type=module', '-e', source], { cwd })
  const [plain, tfFirst] = await Promise.all([run(program), run(`import '@tensorflow/tfjs-core'\n${program}`)])
  expect(plain).toEqual({ stdout: '6\n', stderr: '' })
  expect(tfFirst).toEqual({ stdout: '6\n', stderr: '' })
})
