import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { BYTE_ALPHABET } from './byte-alphabet.ts'
import { loadTokenizer } from './load.ts'
import { referenceFor } from './testing/native.ts'
import { anyText } from './testing/texts.ts'
import { trainBpe } from './train.ts'
import { chunksOf } from './train/corpus.ts'

const WORDS = 'the cat sat on a mat, and café owners thought: «why not?» 42 more days of rain in München'.split(' ')
const SYLLABLES = ['ka', 'lo', 'mir', 'ten', 'us', 'ph', 'ery', 'ö']

/** Some thousand words that repeat as words do, with line breaks and a little beyond ASCII. */
const story = (salt: number): string =>
  Array.from({ length: 3000 }, (_, i) => {
    const name = [i % 5, (i * salt) % 8, (i * i) % 7, (i >> 4) % 8].map((place) => SYLLABLES[place]).join('')
    const word = i % 3 === 0 ? name : WORDS[(i * i * 31 + i * salt) % WORDS.length]
    return word + (i % 40 === 39 ? '\n\n' : i % 17 === 16 ? '\n' : ' ')
  }).join('')
const texts = [story(3), story(7), story(11)]
const mergesOf = (json: { model: Record<string, unknown> }): [string, string][] =>
  json.model['merges'] as [string, string][]

const words = (part: string): string[] => part.match(/ ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu) ?? []

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stemkit-train-test-'))
})
afterEach(() => {
  vi.unstubAllEnvs()
})
afterAll(() => rm(folder, { recursive: true }))

describe('a trained tokenizer', () => {
  it('has the end-of-text token first, then other special tokens, the bytes and what was merged', async () => {
    const json = await trainBpe({ texts, vocabSize: 300, specialTokens: ['<|pad|>'] })
    const tokenizer = loadTokenizer(json)
    expect(tokenizer.vocabSize).toBe(300)
    expect(tokenizer.special).toEqual({ bos: 0, eos: 0, pad: 1 })
    const tokens = Array.from({ length: 300 }, (_, id) => tokenizer.idToToken(id))
    expect(tokens.slice(2, 258)).toEqual(BYTE_ALPHABET)
    expect(tokens.slice(258)).toEqual(mergesOf(json).map((pair) => pair.join('')))
  })

  it('merges the most frequent pair first', async () => {
    // hug 10, pug 5, pun 12, bun 4, hugs 5: ug 20 times, then un 16, then hug 15.
    const count = { hug: 10, pug: 5, pun: 12, bun: 4, hugs: 5 }
    const text = Object.entries(count)
      .flatMap(([word, times]) => Array.from({ length: times }, () => word))
      .join('\n')
    const json = await trainBpe({ texts: [text.replaceAll('\n', '.')], vocabSize: 260 })
    expect(mergesOf(json)).toEqual([
      ['u', 'g'],
      ['u', 'n'],
      ['h', 'ug'],
    ])
  })

  it('is the same each time, from texts and from files', async () => {
    const files = await Promise.all(
      texts.map(async (text, i) => {
        const file = join(folder, `${i}.txt`)
        await writeFile(file, text)
        return file
      }),
    )
    const [first, again, fromFiles] = await Promise.all([
      trainBpe({ texts, vocabSize: 400 }),
      trainBpe({ texts: texts.values(), vocabSize: 400 }),
      trainBpe({ files, vocabSize: 400 }),
    ])
    expect(JSON.stringify(again)).toBe(JSON.stringify(first))
    expect(JSON.stringify(fromFiles)).toBe(JSON.stringify(first))
  })

  it('is read by the reference library, which encodes with it as we do', async () => {
    const json = await trainBpe({ texts, vocabSize: 512 })
    const tokenizer = loadTokenizer(JSON.parse(JSON.stringify(json)))
    const reference = referenceFor(json)
    const check = async (text: string): Promise<void> => {
      const ids = tokenizer.encode(text)
      expect([...ids]).toEqual(await reference.encode(text))
      expect(tokenizer.decode(ids, { skipSpecial: false })).toBe(text.toWellFormed())
    }
    for (const text of texts) await check(text)
    await fc.assert(fc.asyncProperty(anyText, check), { numRuns: 200 })
  })

  it('learns nothing from special tokens inside texts', async () => {
    const clean = await trainBpe({ texts, vocabSize: 300 })
    const marked = await trainBpe({
      texts: [texts.map((text) => `<|endoftext|>${text}<|endoftext|>`).join('')],
      vocabSize: 300,
    })
    expect(mergesOf(marked)).toEqual(mergesOf(clean))
  })

  it('does not depend on how a long text is cut', () => {
    const text = texts.join('').repeat(8)
    const chunks = [...chunksOf(text)]
    expect(chunks.length).toBeGreaterThan(4)
    expect(chunks.join('')).toBe(text)
    expect(chunks.flatMap(words)).toEqual(words(text))
  })
})

describe('training', () => {
  it('tells how much it has read', async () => {
    const seen: number[] = []
    await trainBpe({ texts, vocabSize: 300, onProgress: ({ characters }) => seen.push(characters) })
    expect(seen.at(-1)).toBe(texts.join('').length)
  })

  it('ends when it is cancelled, and leaves nothing behind', async () => {
    const temporary = await mkdtemp(join(folder, 'temporary-'))
    vi.stubEnv('TMPDIR', temporary)
    const controller = new AbortController()
    const endless = (function* () {
      for (let i = 0; ; i++) {
        if (i === 3) controller.abort()
        yield story(i)
      }
    })()
    await expect(trainBpe({ texts: endless, vocabSize: 300, signal: controller.signal })).rejects.toThrow(/abort/i)
    const merging = new AbortController()
    const run = trainBpe({
      texts: Array.from({ length: 200 }, (_, i) => story(i)),
      vocabSize: 300,
      signal: merging.signal,
      onProgress: ({ texts: read }) => read === 200 && setTimeout(() => merging.abort(), 50),
    })
    await expect(run).rejects.toThrow(/abort/i)
    expect(await readdir(temporary)).toEqual([])
  })

  it.each([
    [
      'a size below the bytes',
      { texts, vocabSize: 256 },
      /vocabSize is 256; with 1 special tokens it must be at least 257/,
    ],
    [
      'a size beyond the native trainer',
      { texts, vocabSize: 40_000 },
      /vocabSize is 40000; the native trainer makes at most 30000/,
    ],
    ['no text', { texts: [''], vocabSize: 300 }, /no text to train/],
    ['too little text', { texts: ['ab'], vocabSize: 300 }, /yield only 258 of 300 tokens/],
    ['a file that is not there', { files: ['missing.txt'], vocabSize: 300 }, /There is no file missing.txt/],
  ])('refuses %s', async (_, options, message) => {
    await expect(trainBpe(options)).rejects.toThrow(message)
  })

  it('refuses a file that is not text', async () => {
    const file = join(folder, 'binary.txt')
    await writeFile(file, Uint8Array.of(0x61, 0xff, 0x62))
    await expect(trainBpe({ files: [file], vocabSize: 300 })).rejects.toThrow(/binary.txt is not text in UTF-8/)
  })
})
