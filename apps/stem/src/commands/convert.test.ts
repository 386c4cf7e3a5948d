import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { collect } from '@stemkit/generate'
import { loadModel, readModel } from '@stemkit/generate/node'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { writeTinyModel } from '../testing/model-folder.ts'
import { runCommand, type Outcome } from '../testing/run-command.ts'
import { convertCommand } from './convert.ts'

let dir: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'stem-convert-'))
})
afterEach(() => rm(dir, { recursive: true }))

const at = (name: string): string => join(dir, name)
const convert = (...args: string[]): Promise<Outcome> => runCommand(convertCommand(), args)

async function logitsOf(folder: string, text?: string): Promise<Float32Array> {
  const model = await loadModel(folder)
  const logits = await model.logits(text ? [...model.tokenizer!.encode(text)] : [5, 17, 3, 3, 80, 41])
  await model.dispose()
  return logits
}

describe('stem convert', () => {
  test.each([
    ['hf', 'dense'],
    ['official', 'dense'],
    ['official', 'stem'],
  ])('writes the %s layout of a %s model, and back to equal logits', async (layout, kind) => {
    await writeTinyModel(at('model'), { kind })
    const there = await convert(at('model'), at('other'), '--to', layout)
    expect(there).toEqual({
      code: 0,
      stdout: `${at('model')} (stemkit) is now ${at('other')} (${layout})\n`,
      stderr: '',
    })
    const back = await convert(at('other'), at('again'))
    expect(back.stdout).toBe(`${at('other')} (${layout}) is now ${at('again')} (stemkit)\n`)
    expect(await logitsOf(at('again'))).toEqual(await logitsOf(at('model')))
    expect(await readFile(join(at('again'), 'tokenizer.json'))).toEqual(
      await readFile(join(at('model'), 'tokenizer.json')),
    )
  })

  test('goes from one foreign layout to another, and leaves nothing between them behind', async () => {
    await writeTinyModel(at('model'), { kind: 'dense' })
    await convert(at('model'), at('hf'), '--to', 'hf')
    const { stdout } = await convert(at('hf'), at('official'), '--to', 'official')
    expect(stdout).toBe(`${at('hf')} (hf) is now ${at('official')} (official)\n`)
    await convert(at('official'), at('again'), '--from', 'official')
    expect(await logitsOf(at('again'))).toEqual(await logitsOf(at('model')))
    expect((await readdir(dir)).toSorted()).toEqual(['again', 'hf', 'model', 'official'])
  })

  test('keeps a model in fewer bits, of whatever layout it was, and says so', async () => {
    await writeTinyModel(at('model'), { kind: 'stem' })
    await convert(at('model'), at('official'), '--to', 'official')
    const direct = await convert(at('model'), at('packed'), '--quantize', 'q8', '--tables', 'bf16')
    expect(direct.stdout).toBe(`${at('model')} (stemkit) is now ${at('packed')} (stemkit, q8)\n`)
    await convert(at('official'), at('again'), '--quantize', 'q8', '--tables', 'bf16')
    const bytes = (name: string): Promise<Buffer> => readFile(join(at(name), 'model.safetensors'))
    expect(await bytes('again')).toEqual(await bytes('packed'))
    expect((await bytes('packed')).length).toBeLessThan(0.6 * (await bytes('model')).length)
  })

  test('fits 4 bits to a text', async () => {
    await writeTinyModel(at('model'), { kind: 'stem' })
    const sentence = 'The state of the union is strong. '
    await writeFile(at('text.txt'), sentence.repeat(20))
    await convert(at('model'), at('plain'), '--quantize', 'q4')
    const { code, stderr } = await convert(at('model'), at('fitted'), '--quantize', 'q4', '--calibrate', at('text.txt'))
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const error = async (name: string): Promise<number> => {
      const [found, wanted] = [await logitsOf(at(name), sentence), await logitsOf(at('model'), sentence)]
      return found.reduce((sum, value, i) => sum + (value - wanted[i]!) ** 2, 0)
    }
    expect(await error('fitted')).toBeLessThan(await error('plain'))
  })

  test('leaves the rows of a model where they are, and points to them', async () => {
    await writeTinyModel(at('model'), { kind: 'stem' })
    const reference = { url: 'file:rows', table: 'x', version: 1 }
    await writeFile(join(at('model'), 'rows.json'), JSON.stringify(reference))
    await convert(at('model'), at('packed'), '--quantize', 'q4')
    expect(JSON.parse(await readFile(join(at('packed'), 'rows.json'), 'utf8'))).toEqual({
      ...reference,
      url: 'file:../model/rows',
    })
  })

  test('takes another tokenizer along', async () => {
    await writeTinyModel(at('model'), { kind: 'dense' })
    await convert(at('model'), at('hf'), '--to', 'hf')
    await rm(join(at('hf'), 'tokenizer.json'))
    await convert(at('hf'), at('bare'))
    expect((await readModel(at('bare'))).tokenizer).toBe(undefined)
    await convert(at('hf'), at('whole'), '--tokenizer', join(at('model'), 'tokenizer.json'))
    expect((await readModel(at('whole'))).tokenizer?.vocabSize).toBe(96)
  })

  test('refuses a tokenizer with more tokens than the model, before anything is written', async () => {
    await writeTinyModel(at('large'))
    await writeTinyModel(at('small'), { kind: 'dense', vocabSize: 90 })
    await convert(at('small'), at('hf'), '--to', 'hf')
    const { code, stderr } = await convert(at('hf'), at('out'), '--tokenizer', at('large'))
    expect(code).toBe(2)
    expect(stderr).toBe(`error: convert: ${at('large')} has 96 tokens, but the model only 90\n`)
    expect(existsSync(at('out'))).toBe(false)
  })

  test('leaves a folder that is not empty alone, unless told otherwise', async () => {
    await writeTinyModel(at('model'), { kind: 'dense' })
    await convert(at('model'), at('out'), '--to', 'hf')
    await writeFile(join(at('out'), 'notes.txt'), 'mine')
    const refused = await convert(at('model'), at('out'), '--to', 'official')
    expect(refused.code).toBe(1)
    expect(refused.stderr).toContain('is not empty; choose another folder, or replace its model with --force')
    expect((await convert(at('model'), at('out'), '--to', 'official', '--force')).code).toBe(0)
    expect(await readFile(join(at('out'), 'notes.txt'), 'utf8')).toBe('mine')
  })

  test.each([
    ['a model folder that would stay one', ['model', 'out'], 2, 'is a model folder already'],
    ['its own source', ['model', 'model', '--to', 'official', '--force'], 2, 'is the source itself'],
    [
      'STEM layers where there is no place for them',
      ['model', 'out', '--to', 'hf'],
      1,
      'only dense models can be exported there',
    ],
    ['--quantize for another layout', ['model', 'out', '--to', 'official', '--quantize', 'q4'], 2, 'leave out --to'],
    ['--calibrate for 8 bits', ['model', 'out', '--quantize', 'q8', '--calibrate', 'x'], 2, 'is for --quantize q4'],
    ['--tables alone', ['model', 'out', '--tables', 'f16'], 2, '--tables goes with --quantize'],
    ['a source that is not there', ['nowhere', 'out'], 1, 'nowhere does not exist'],
    [
      'a tokenizer for a model folder',
      ['model', 'out', '--to', 'official', '--tokenizer', 'model'],
      2,
      'is for models of other layouts',
    ],
  ])('refuses %s', async (_, [source, out, ...rest], exitCode, message) => {
    await writeTinyModel(at('model'))
    const { code, stdout, stderr } = await convert(at(source!), at(out!), ...rest)
    expect({ code, stdout }).toEqual({ code: exitCode, stdout: '' })
    expect(stderr).toContain(message)
    expect(stderr.trim().split('\n').length).toBe(1)
  })
})

const stories = fileURLToPath(new URL('../../../../../shared/data/models/stories260K/', import.meta.url))

test.skipIf(!existsSync(stories))(
  'a llama2.c model (shared/data/models/stories260K) goes through every layout and tells its story',
  async () => {
    await convert(stories, at('first'))
    await convert(at('first'), at('hf'), '--to', 'hf')
    await convert(at('hf'), at('official'), '--to', 'official')
    await convert(at('official'), at('last'))
    const model = await loadModel(at('last'))
    const { text } = await collect(model.generate('', { temperature: 0, maxTokens: 60 }))
    await model.dispose()
    expect((await readFile(join(stories, 'expected_t0.0.txt'), 'utf8')).startsWith(text)).toBe(true)
    expect(text.length).toBeGreaterThan(100)
  },
)
