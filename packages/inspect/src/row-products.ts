import type { Engine } from '@stemkit/compile'
import { linear, matMul, type Tensor2D } from '@stemkit/tensor'

/** Products of rows, computed by an engine. */
export interface RowProducts {
  /** a [M, w], b [N, w] -> a b^T [M, N]. */
  run(a: Float32Array, b: Float32Array, signal?: AbortSignal): Promise<Float32Array>
  dispose(): Promise<void>
}

export async function rowProducts(engine: Engine, width: number): Promise<RowProducts> {
  const program = await engine.load(({ a, b }) => ({ products: linear(a as Tensor2D, b as Tensor2D) }), {
    a: { dtype: 'float32', shape: ['M', width] },
    b: { dtype: 'float32', shape: ['N', width] },
  })
  return {
    async run(a, b, signal) {
      return (await program.run({ a, b }, signal ? { signal } : {}))['products'] as Float32Array
    },
    dispose: () => program.dispose(),
  }
}

/** x [M, w] -> x^T x [w, w]. */
export async function columnProducts(engine: Engine, width: number) {
  const program = await engine.load(({ x }) => ({ gram: matMul(x as Tensor2D, x as Tensor2D, true, false) }), {
    x: { dtype: 'float32', shape: ['M', width] },
  })
  return {
    async run(x: Float32Array, signal?: AbortSignal): Promise<Float32Array> {
      return (await program.run({ x }, signal ? { signal } : {}))['gram'] as Float32Array
    },
    dispose: (): Promise<void> => program.dispose(),
  }
}
