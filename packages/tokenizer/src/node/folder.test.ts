import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sentencePiece } from '../testing/sentencepiece.ts'
import { loadTokenizerFolder } from './folder.ts'

let root = ''
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'stemkit-folder-test-'))
})
afterAll(() => rm(root, { recursive: true }))

const folderWith = async (name: string, files: Record<string, string>): Promise<string> => {
  const folder = join(root, name)
  await mkdir(folder)
  for (const [file, text] of Object.entries(files)) await writeFile(join(folder, file), text)
  return folder
}

const tokenizerJson = JSON.stringify(sentencePiece({}))
const vocab = JSON.stringify({ a: 0, b: 1, ab: 2, '<|endoftext|>': 3 })

describe('loadTokenizerFolder', () => {
  it('reads tokenizer.json, by its folder or by its own name', async () => {
    const folder = await folderWith('hf', { 'tokenizer.json': tokenizerJson })
    const [a, b] = [await loadTokenizerFolder(folder), await loadTokenizerFolder(join(folder, 'tokenizer.json'))]
    expect([...a.encode('Hello')]).toEqual([...b.encode('Hello')])
    expect(a.special).toEqual({ bos: 1, eos: 2, unk: 0 })
  })

  it.each([
    ['tokenizer_config.json', { bos_token: '<s>', pad_token: { content: '</s>' } }],
    ['special_tokens_map.json', { pad_token: '</s>' }],
  ])('takes the roles of tokens from %s', async (name, config) => {
    const folder = await folderWith(`with-${name}`, { 'tokenizer.json': tokenizerJson, [name]: JSON.stringify(config) })
    expect((await loadTokenizerFolder(folder)).special.pad).toBe(2)
  })

  it.each([
    ['vocab.json', 'merges.txt'],
    ['encoder.json', 'vocab.bpe'],
  ])('reads %s with %s', async (vocabName, mergesName) => {
    const folder = await folderWith(vocabName, { [vocabName]: vocab, [mergesName]: '#version: 0.2\na b\n' })
    expect([...(await loadTokenizerFolder(folder)).encode('abba<|endoftext|>')]).toEqual([2, 1, 0, 3])
  })

  it('says what is missing, and where', async () => {
    await expect(loadTokenizerFolder(join(root, 'nowhere'))).rejects.toThrow(/There is no tokenizer at .*nowhere/)
    const empty = await folderWith('empty', {})
    await expect(loadTokenizerFolder(empty)).rejects.toThrow(
      /empty has no tokenizer: neither tokenizer.json nor vocab.json/,
    )
    const half = await folderWith('half', { 'vocab.json': vocab })
    await expect(loadTokenizerFolder(half)).rejects.toThrow(/half has vocab.json without merges.txt/)
  })

  it('names the file whose content is wrong', async () => {
    const torn = await folderWith('torn', { 'tokenizer.json': tokenizerJson.slice(0, 1000) })
    await expect(loadTokenizerFolder(torn)).rejects.toThrow(/torn.tokenizer.json is not JSON/)
    const other = await folderWith('other', { 'tokenizer.json': '{"a": 1}' })
    await expect(loadTokenizerFolder(other)).rejects.toThrow(/other.tokenizer.json: .*it has no model/)
  })
})
