import { copyFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { inChromium, program } from './chromium.ts'
import { near } from './testing/near.ts'
import { compiledPage } from './pages/compiled.ts'
import { generatePage } from './pages/generate.ts'
import { trainPage } from './pages/train.ts'
import { webgpuPage } from './pages/webgpu.ts'
import { visit } from './visit.ts'
import { workHere } from './work-here.ts'
import { writeModels } from './write-models.ts'

const wasm = fileURLToPath(import.meta.resolve('onnxruntime-web/ort-wasm-simd-threaded.wasm'))

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stemkit-pages-'))
  await writeModels(folder)
  await copyFile(wasm, join(folder, 'ort-wasm-simd-threaded.wasm'))
})
afterAll(() => rm(folder, { recursive: true }))

describe.skipIf(program === undefined)(inChromium('a page'), { timeout: 120_000 }, () => {
  describe.each([
    ['that may share memory', true],
    ['that may not share memory', false],
  ])('%s', (_, isolated) => {
    test('continues and scores texts as Node does', async () => {
      const here = await workHere(generatePage, folder)
      const there = await visit(generatePage, { folder, isolated })
      expect(there).toEqual(near({ ...here, threads: isolated ? 2 : 0 }))
      expect(there.rowsApart).toEqual({ ...there.whole, hasStore: true })
      expect(there.packedByThreads.tokens).toEqual(there.packed.tokens)
      // Other sums, of inputs that are rounded to 8 bits: they are not the engine's, with memory that is shared or not.
      expect(there.packedByThreads.logprobs).not.toEqual(there.packed.logprobs)
    })

    test('trains as Node does', async () => {
      const here = await workHere(trainPage, folder)
      const there = await visit(trainPage, { folder, isolated })
      expect(there).toEqual(near({ ...here, threads: isolated ? 2 : 0 }))
      expect(there.losses.at(-1)).toBeLessThan(there.losses[0]! - 0.5)
    })
  })

  test('does both on ONNX Runtime, too', async () => {
    const here = await workHere(compiledPage, folder)
    const there = await visit(compiledPage, { folder, isolated: true })
    expect(there).toEqual(near(here))
    expect(there.threads).toBe(4)
    expect(there.packedByThreads.tokens).toEqual(there.packed.tokens)
  })

  test('does both on WebGPU, too', async () => {
    const here = await workHere(webgpuPage, folder)
    const there = await visit(webgpuPage, { folder, isolated: false, webgpu: true })
    expect(there).toEqual(near({ ...here, backend: 'webgpu' }))
  })
})
