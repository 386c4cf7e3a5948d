import { copyFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { inChromium, program } from './chromium.ts'
import { near } from './testing/near.ts'
import type { Page } from './page.ts'
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

describe.skipIf(program === undefined).each([
  ['may share memory', true],
  ['may not share memory', false],
])(inChromium('a page that %s'), { timeout: 120_000 }, (_, isolated) => {
  /** What a page gives in Chromium: the numbers that it gives in Node, and there are threads where memory is shared. */
  async function visited<Result extends { readonly threads: number }>(page: Page<Result>): Promise<Result> {
    const here = await workHere(page, folder)
    const there = await visit(page, { folder, isolated })
    expect(here.threads).toBeGreaterThan(0)
    expect(there).toEqual(near({ ...here, threads: isolated ? here.threads : 0 }))
    return there
  }

  test('continues and scores texts as Node does', async () => {
    const { whole, rowsApart, packed, packedByThreads } = await visited(generatePage)
    expect(rowsApart).toEqual({ ...whole, hasStore: true })
    expect(packedByThreads.tokens).toEqual(packed.tokens)
    // Other sums, of inputs that are rounded to 8 bits: they are not the engine's, with memory that is shared or not.
    expect(packedByThreads.logprobs).not.toEqual(packed.logprobs)
  })

  test('trains as Node does', async () => {
    const { losses } = await visited(trainPage)
    expect(losses.at(-1)).toBeLessThan(losses[0]! - 0.5)
  })

  test('does both on ONNX Runtime, too', async () => {
    const { packed, packedByThreads, training } = await visited(compiledPage)
    expect(packedByThreads.tokens).toEqual(packed.tokens)
    expect(packedByThreads.logprobs).not.toEqual(packed.logprobs)
    expect(training.losses.at(-1)).toBeLessThan(training.losses[0]! - 0.5)
  })
})

test.skipIf(program === undefined)(inChromium('a page with WebGPU'), { timeout: 120_000 }, async () => {
  const { whole } = await workHere(generatePage, folder)
  const { losses, gradNorms } = await workHere(trainPage, folder)
  expect(await visit(webgpuPage, { folder, isolated: false, webgpu: true })).toEqual(near({ whole, losses, gradNorms }))
})
