import type { Engine } from '@stemkit/compile'
import { linear, type Tensor2D } from '@stemkit/tensor'

/**
 * FLOP/s of one large matrix product on an engine, the best of a few: what model FLOP utilisation is measured against.
 * Takes about a tenth of a second on two cores.
 */
export async function measurePeakFlops(engine: Engine): Promise<number> {
  const [rows, inner, columns] = [1024, 1024, 1024]
  const program = await engine.load(({ x, w }) => ({ y: linear(x as Tensor2D, w as Tensor2D) }), {
    x: { dtype: 'float32', shape: [rows, inner] },
    w: { dtype: 'float32', shape: [columns, inner] },
  })
  try {
    const feeds = { x: new Float32Array(rows * inner).fill(0.5), w: new Float32Array(columns * inner).fill(0.5) }
    const into = { y: new Float32Array(rows * columns) }
    let best = Infinity
    for (let i = 0; i < 6; i++) {
      const start = performance.now()
      await program.run(feeds, { into })
      best = Math.min(best, performance.now() - start)
    }
    return (2 * rows * inner * columns) / (best / 1000)
  } finally {
    await program.dispose()
  }
}
