import '@tensorflow/tfjs-backend-cpu'
import * as tf from '@stemkit/tensor'
import { StemkitError } from '@stemkit/spec/errors'
import { describe, expect, test } from 'vitest'
import { compile } from './index.ts'
import { onnxRuntimeCApi, onnxRuntimeNode } from './node.ts'

/** Enough products that a run takes a good part of a second. */
const heavy = (size: number, products: number) => ({
  fn: ({ x }: Record<string, tf.Tensor>) => {
    let y = x!
    for (let i = 0; i < products; i++) y = tf.sigmoid(tf.matMul(y, x!))
    return { y }
  },
  inputs: { x: { dtype: 'float32', shape: [size, size] } } as const,
  feeds: { x: new Float32Array(size * size).fill(1 / size) },
})

describe.each([
  ['C API', onnxRuntimeCApi],
  ['binding', onnxRuntimeNode],
])('the %s', (_, make) => {
  const runtime = make()

  test('writes outputs into the arrays that the caller gives', async () => {
    const program = await compile(({ x }) => ({ y: tf.mul(x!, 2), z: tf.neg(x!) }), {
      inputs: { x: { dtype: 'float32', shape: ['N'] } },
      runtime,
    })
    const y = new Float32Array(new SharedArrayBuffer(12))
    const out = await program.run({ x: Float32Array.of(1, 2, 3) }, { into: { y } })
    expect(out['y']).toBe(y)
    expect(Array.from(y)).toEqual([2, 4, 6])
    expect(Array.from(out['z']!)).toEqual([-1, -2, -3])
    await program.dispose()
  })

  test('takes and returns int32', async () => {
    const program = await compile(({ x }) => ({ y: tf.add(x!, tf.scalar(1, 'int32')) }), {
      inputs: { x: { dtype: 'int32', shape: [2] } },
      runtime,
    })
    expect(Array.from((await program.run({ x: Int32Array.of(1, -5) }))['y']!)).toEqual([2, -4])
    await program.dispose()
  })

  test('names what is wrong with the arrays', async () => {
    const program = await compile(({ x }) => ({ y: tf.square(x!) }), {
      inputs: { x: { dtype: 'float32', shape: [2, 2] } },
      runtime,
    })
    await expect(program.run({})).rejects.toThrow('run: no array for "x" (float32 [2,2])')
    await expect(program.run({ x: new Float32Array(3) })).rejects.toThrow(
      'run: "x" wants float32 [2,2], 4 numbers, but got 3 of float32',
    )
    await expect(program.run({ x: new Int32Array(4) })).rejects.toThrow('but got 4 of int32')
    await program.dispose()
  })

  test('does not start when the signal has fired already', async () => {
    const program = await compile(({ x }) => ({ y: tf.square(x!) }), {
      inputs: { x: { dtype: 'float32', shape: [1] } },
      runtime,
    })
    const reason = new Error('enough')
    await expect(program.run({ x: new Float32Array(1) }, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    await program.dispose()
  })
})

describe('the C API', () => {
  const runtime = onnxRuntimeCApi()

  test('leaves the JavaScript thread free while a graph runs', async () => {
    const { fn, inputs: shapes, feeds } = heavy(512, 60)
    const program = await compile(fn, { inputs: shapes, runtime })
    let ticks = 0
    const timer = setInterval(() => ticks++, 1)
    await program.run(feeds)
    clearInterval(timer)
    expect(ticks).toBeGreaterThan(5)
    await program.dispose()
  })

  test('a run is cancelled in its middle, and the program still works', async () => {
    const { fn, inputs: shapes, feeds } = heavy(512, 400)
    const program = await compile(fn, { inputs: shapes, runtime })
    const full = performance.now()
    await program.run(feeds)
    const whole = performance.now() - full
    const controller = new AbortController()
    setTimeout(() => controller.abort(new Error('enough')), whole / 10)
    const started = performance.now()
    await expect(program.run(feeds, { signal: controller.signal })).rejects.toThrow('enough')
    expect(performance.now() - started).toBeLessThan(whole * 0.8)
    expect((await program.run(feeds))['y']!.every(Number.isFinite)).toBe(true)
    await program.dispose()
  })

  test('refuses overlapping runs and runs after dispose; disposing twice is harmless', async () => {
    const { fn, inputs: shapes, feeds } = heavy(128, 20)
    const program = await compile(fn, { inputs: shapes, runtime })
    const first = program.run(feeds)
    await expect(program.run(feeds)).rejects.toThrow('a run of this session is under way')
    await first
    await program.dispose()
    await program.dispose()
    const error = await program.run(feeds).catch((reason: unknown) => reason)
    expect(StemkitError.isInstance(error)).toBe(true)
  })

  test('a broken model is refused with one line', async () => {
    const error = (await runtime.createSession(new Uint8Array([1, 2, 3])).catch((reason: unknown) => reason)) as Error
    expect(StemkitError.isInstance(error)).toBe(true)
    expect(error.message).toMatch(/^ONNX Runtime: .+/)
    expect(error.message).not.toContain('\n')
  })

  test('native memory does not grow with the number of runs', async () => {
    const program = await compile(({ x }) => ({ y: tf.square(x!) }), {
      inputs: { x: { dtype: 'float32', shape: ['N'] } },
      runtime,
    })
    const run = async (times: number): Promise<number> => {
      for (let i = 0; i < times; i++) await program.run({ x: new Float32Array(64 * 1024) })
      globalThis.gc?.()
      return process.memoryUsage().rss
    }
    const before = await run(200)
    const after = await run(400)
    expect(after - before).toBeLessThan(200 * 2 ** 20)
    await program.dispose()
  })
})
