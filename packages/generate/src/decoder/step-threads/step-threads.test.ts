import '@tensorflow/tfjs-backend-cpu'
import { compiledEngine, type FrozenWeight } from '@stemkit/compile'
import { nodeRuntime } from '@stemkit/compile/node'
import { createModelConfig, initializeWeights, type ModelOptions } from '@stemkit/model'
import { useBackend } from '@stemkit/tensor'
import { spawnWorker } from '@stemkit/threads/node'
import { packMatrix } from '@stemkit/weights'
import { describe, expect, test } from 'vitest'
import { openTableRows } from '../../table-rows.ts'
import { createDecoder, type CreateDecoderOptions } from '../create-decoder.ts'
import type { Chunk } from '../decoder.ts'

await useBackend('cpu')
const engine = compiledEngine(nodeRuntime(), { threads: 1, spin: false })

const base = { vocabSize: 61, dim: 64, layers: 3, heads: 4, ffnHidden: 96, maxLength: 40, kind: 'stem' } as const
function modelOf(options: Partial<ModelOptions>, form: string) {
  const config = createModelConfig({ ...base, ...options })
  const weights = new Map<string, FrozenWeight>(initializeWeights(config, { seed: 3, tableInit: 'unit' }))
  for (const [name, weight] of weights) {
    if (weight.shape.length !== 2 || name.includes('table') || form === 'float32') continue
    if (form === 'float16') throw new Error()
    weights.set(name, packMatrix(weight.data as Float32Array, weight.shape as [number, number], { bits: form === 'bits4' ? 4 : 8, block: 32 }))
  }
  return { config, weights }
}

describe.each(['float32', 'bits4', 'bits8'])('%s', (form) => {
  test.each([[0], [2]])('with %i threads gives the logits of the graph', async (threads) => {
    const model = modelOf({ kvHeads: 2 }, form)
    const rows = openTableRows(model as any)
    const options: CreateDecoderOptions = { ...(model as any), rows, engine, slots: 3 }
    const graph = await createDecoder(options)
    const own = await createDecoder({ ...options, stepThreads: { threads, spawn: spawnWorker } })
    const ids = Array.from({ length: 20 }, (_, i) => (i * 7 + 3) % 61)
    const chunk = (slot: number, start: number, part: number[], asked: Chunk['asked']): Chunk => ({ slot, start, ids: Int32Array.from(part), asked })
    for (let t = 0; t < 20; t++) {
      const c = [chunk(1, t, [ids[t]!], 'last'), chunk(0, t, [ids[19 - t]!], 'last')]
      const a = (await graph.run(c)).map((x) => x.slice())
      const b = (await own.run(c)).map((x) => x.slice())
      for (const i of [0, 1]) {
        let most = 0
        a[i]!.forEach((x, k) => (most = Math.max(most, Math.abs(x - b[i]![k]!))))
        expect(most).toBeLessThan(form === 'float32' ? 1e-5 : 0.05)
        if (t === 19) console.log(form, threads, most, Math.max(...a[i]!))
      }
    }
    await graph.dispose()
    await own.dispose()
  })
})
