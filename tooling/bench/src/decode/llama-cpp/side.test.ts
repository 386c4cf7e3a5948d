import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { countParameters, createModelConfig } from '@stemkit/model'
import { StemkitError } from '@stemkit/spec/errors'
import { parseSafetensors, toFloat32 } from '@stemkit/weights'
import { afterAll, expect, test } from 'vitest'
import type { GgufType } from '../gguf/encode-weights.ts'
import { writeLlamaModel } from '../gguf/llama-model.ts'
import { randomWeight } from '../twin.ts'
import { startLlamaCpp, type LlamaCppSide } from './side.ts'

const oracle = (name: string): Buffer =>
  readFileSync(fileURLToPath(new URL(`../../../../../fixtures/oracle/dense/${name}`, import.meta.url)))
const common = { layers: 3, ffnHidden: 96, maxLength: 64, kind: 'dense' } as const

const opened: { dispose(): Promise<void> }[] = []
afterAll(async () => {
  for (const each of opened.toReversed()) await each.dispose()
})

async function ggufFile(type: GgufType, write: (path: string) => Promise<void>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'stemkit-llama-'))
  opened.push({ dispose: () => rm(folder, { recursive: true }) })
  const path = join(folder, `${type}.gguf`)
  await write(path)
  return path
}

/** undefined where llama.cpp is not installed. */
async function start(files: Parameters<typeof startLlamaCpp>[0]['files']): Promise<LlamaCppSide | undefined> {
  try {
    const side = await startLlamaCpp({ files })
    opened.push(side)
    return side
  } catch (error) {
    if (StemkitError.isInstance(error) && error.code === 'unsupported') return undefined
    throw error
  }
}

test('llama.cpp computes the logits of the reference from the same weights', async ({ skip }) => {
  const config = createModelConfig({ ...common, vocabSize: 97, dim: 32, heads: 4, normEps: 1e-5 })
  const weights = parseSafetensors(oracle('weights.safetensors')).tensors
  const path = await ggufFile('F32', (file) =>
    writeLlamaModel(file, config, 'F32', (name) => toFloat32(weights.get(name)!)),
  )
  const side = await start({ f32: path })
  if (!side) return skip('node-llama-cpp has no library for this platform')

  const { input_ids } = JSON.parse(oracle('inputs.json').toString()) as { input_ids: number[][] }
  const expected = toFloat32(parseSafetensors(oracle('expected.safetensors')).tensors.get('logits')!)
  const length = input_ids[0]!.length
  for (const [row, tokens] of input_ids.entries()) {
    const found = await side.logits(tokens)
    expect(found).toHaveLength(97)
    const last = expected.subarray((row * length + length - 1) * 97, (row + 1) * length * 97)
    const worst = Math.max(...found.map((value, i) => Math.abs(value - last[i]!)))
    expect(worst).toBeLessThan(2e-3) // its keys and values are f16
  }
})

test('decodes batches and prefills at any format, with settings that it chose, paused in between', async ({ skip }) => {
  const config = createModelConfig({ ...common, vocabSize: 300, dim: 64, heads: 4 })
  const write = (type: GgufType): Promise<string> =>
    ggufFile(type, (file) => writeLlamaModel(file, config, type, (name) => randomWeight(config, name, 1)))
  const side = await start({ q4: await write('Q4_0'), q8: await write('Q8_0'), f16: await write('F16') })
  if (!side) return skip('node-llama-cpp has no library for this platform')

  const parameters = countParameters(config).total
  for (const [format, name, bits] of [
    ['q4', 'Q4_0', 4.5],
    ['q8', 'Q8_0', 8.5],
    ['f16', 'F16', 16],
  ] as const) {
    const chosen = await side.open({ kind: 'decode', format, batch: 3, from: 20, steps: 5 })
    expect(chosen).toMatchObject({ parameters, model: expect.stringContaining(name) as string })
    const norms = (2 * 3 + 1) * 64
    expect(chosen['bytes']).toBe(((parameters - norms) * bits) / 8 + norms * 4)
    expect(await side.run()).toBeGreaterThan(0)
  }
  side.pause()
  side.resume()
  await side.open({ kind: 'prefill', format: 'q4', tokens: 40 })
  expect(await side.run()).toBeGreaterThan(0)
})

test('a file that is no model is refused in words', async ({ skip }) => {
  const side = await start({ q4: fileURLToPath(import.meta.url) })
  if (!side) return skip('node-llama-cpp has no library for this platform')
  await expect(side.open({ kind: 'prefill', format: 'q4', tokens: 8 })).rejects.toThrow(/llama.cpp cannot load/)
})
