import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { StemkitError } from '@stemkit/spec/errors'
import { fileURLToPath } from 'node:url'
import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Document } from '../document.ts'
import { pcg32 } from '../random.ts'
import { readDocuments, type ReadOptions, type ReadProgress } from './read-documents.ts'
import { splitChunks } from './split-chunks.ts'

let root = ''
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'stemkit-sources-'))
})
afterAll(() => rm(root, { recursive: true }))

const put = async (name: string, content: string | Uint8Array): Promise<string> => {
  const path = join(root, name)
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, content)
  return path
}
const read = async (sources: string | string[], options?: ReadOptions): Promise<Document[]> => {
  const documents: Document[] = []
  for await (const document of readDocuments(sources, options)) documents.push(document)
  return documents
}
const lines = (...texts: string[]): string => texts.map((text) => `${JSON.stringify({ text })}\n`).join('')

describe('text files', () => {
  it('are one document each', async () => {
    const path = await put('whole.txt', 'one\ntwo — 三\n')
    expect(await read(path)).toEqual([{ text: 'one\ntwo — 三\n', name: path }])
  })

  it('are several where a separator says so', async () => {
    const path = await put('stories.txt', 'Once.\n\nTwice.\n<|endoftext|>\n\nThere\r\n<|endoftext|>\n \n<|endoftext|>')
    expect(await read(path, { separator: '<|endoftext|>' })).toEqual([
      { text: 'Once.\n\nTwice.', name: `${path}#1` },
      { text: 'There', name: `${path}#2` },
    ])
  })
})

describe('JSON lines', () => {
  it('are a document each, named by their line', async () => {
    const path = await put('a.jsonl', `${lines('one')}\n${lines('two\nlines')}`)
    expect(await read(path)).toEqual([
      { text: 'one', name: `${path}:1` },
      { text: 'two\nlines', name: `${path}:3` },
    ])
  })

  it('may have their text in another field', async () => {
    const path = await put('b.ndjson', '{"body": "x"}')
    expect(await read(path, { field: 'body' })).toEqual([{ text: 'x', name: `${path}:1` }])
  })
})

describe('compressed files', () => {
  const text = Array.from({ length: 5000 }, (_, i) => `line ${i * i} é`).join('\n')
  it.each([
    ['gz', gzipSync],
    ['zst', zstdCompressSync],
  ])('.%s are read as what is in them', async (ending, compress) => {
    const plain = await put(`long-${ending}.txt.${ending}`, compress(text))
    expect((await read(plain))[0]!.text).toBe(text)
    const json = await put(`long-${ending}.jsonl.${ending}`, compress(lines('one', text)))
    expect((await read(json)).map((document) => document.text)).toEqual(['one', text])
  })

  it.each([
    ['gz', gzipSync],
    ['zst', zstdCompressSync],
  ])('.%s may be several joined, of any size', async (ending, compress) => {
    const random = pcg32(1, 2)
    const words = (size: number): string => Array.from({ length: size }, () => random().toString(36)).join(' ')
    const parts = [words(1), words(60_000), words(2), words(90_000), words(3)]
    const joined = await put(`joined.txt.${ending}`, Buffer.concat(parts.map((part) => compress(part))))
    expect((await read(joined))[0]!.text).toBe(parts.join(''))
    const torn = await put(
      `rest.txt.${ending}`,
      Buffer.concat([compress('whole'), compress(words(99)).subarray(0, 50)]),
    )
    await expect(read(torn)).rejects.toThrow(/rest.txt.* cannot be decompressed/)
  })
})

describe('folders and patterns', () => {
  it('are read in the order of names, text and JSON lines only', async () => {
    await put('folder/b.txt', 'b')
    await put('folder/a/1.jsonl', lines('a1'))
    await put('folder/c.txt.gz', gzipSync('c'))
    await put('folder/picture.png', Uint8Array.of(0xff))
    await put('folder/SOURCE.md', 'where it is from')
    const folder = join(root, 'folder')
    expect((await read(folder)).map(({ text }) => text)).toEqual(['a1', 'b', 'c'])
    expect((await read(join(folder, '*.txt*'))).map(({ text }) => text)).toEqual(['b', 'c'])
    expect((await read([join(folder, 'b.txt'), join(folder, 'a')])).map(({ text }) => text)).toEqual(['b', 'a1'])
  })
})

const refusal = async (name: string, content: string | Uint8Array, options?: ReadOptions): Promise<StemkitError> => {
  const path = await put(name, content)
  const error = await read(path, options).then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (!StemkitError.isInstance(error)) throw new Error(`${name} was not refused`)
  expect(error.message).toContain(path)
  expect(error.message).not.toContain('\n')
  return error
}

describe('errors name the file and the line', () => {
  it.each<[string, string, string | Uint8Array, string, RegExp, ReadOptions?]>([
    ['an empty file', 'empty.txt', '', 'bad-input', /empty.txt is empty$/],
    ['a file without a document', 'blank.txt', ' \n', 'bad-input', /blank.txt has no document$/],
    ['separators only', 'sep.txt', '--\n--', 'bad-input', /sep.txt has no document$/, { separator: '--' }],
    [
      'a line that is no JSON',
      'broken.jsonl',
      `${lines('x')}{"text": "y\n`,
      'bad-input',
      /broken.jsonl:2 is not JSON: /,
    ],
    [
      'a line without text',
      'other.jsonl',
      `${lines('x')}{"body": 1}`,
      'bad-input',
      /other.jsonl:2 has no text in its field "text"$/,
    ],
    ['a line that is null', 'null.jsonl', 'null', 'bad-input', /null.jsonl:1 has no text/],
    [
      'a file that is not UTF-8',
      'latin1.txt',
      Uint8Array.of(0x61, 0xe9, 0x62),
      'bad-input',
      /latin1.txt is not text in UTF-8$/,
    ],
    [
      'a torn archive',
      'torn.txt.gz',
      gzipSync('hello'.repeat(1000)).subarray(0, 30),
      'corrupt',
      /torn.txt.gz cannot be decompressed/,
    ],
    [
      'a torn zst',
      'torn.txt.zst',
      zstdCompressSync(lines('a', 'b')).subarray(0, 20),
      'corrupt',
      /torn.txt.zst cannot be decompressed/,
    ],
    ['no archive', 'no.txt.gz', 'plain', 'corrupt', /no.txt.gz cannot be decompressed/],
    ['no zst', 'no.txt.zst', 'plain text', 'corrupt', /no.txt.zst cannot be decompressed/],
  ])('%s', async (_, name, content, code, message, options) => {
    const error = await refusal(name, content, options)
    expect(error.code).toBe(code)
    expect(error.message).toMatch(message)
  })

  it('what is not there', async () => {
    await expect(read(join(root, 'missing.txt'))).rejects.toThrow(/There is no file or folder .*missing.txt/)
    await expect(read(join(root, '*.nothing'))).rejects.toThrow(/No file matches .*\.nothing/)
    await put('bare/x.png', 'x')
    await expect(read(join(root, 'bare'))).rejects.toThrow(/bare has no .txt/)
  })
})

const chunked = async function* (parts: readonly string[]): AsyncGenerator<string> {
  yield* parts
}

describe('reading', () => {
  it('tells one total over all files', async () => {
    const paths = [await put('p1.jsonl', lines('a', 'b')), await put('p2.txt.gz', gzipSync('c'))]
    const seen: ReadProgress[] = []
    await read(paths, { onProgress: (progress) => seen.push(progress) })
    expect(seen.map(({ documents }) => documents)).toEqual([1, 2, 3])
    expect(seen.at(-1)!.bytes).toBe(seen.at(-1)!.totalBytes)
  })

  it('stops when it is cancelled', async () => {
    const path = await put('cancel.jsonl', lines(...Array.from({ length: 1000 }, (_, i) => `text ${i}`)))
    const controller = new AbortController()
    let count = 0
    const run = async (): Promise<void> => {
      for await (const document of readDocuments(path, { signal: controller.signal })) {
        expect(document.text).toBe(`text ${count}`)
        if (++count === 10) controller.abort()
      }
    }
    await expect(run()).rejects.toThrow(/abort/i)
    expect(count).toBe(10)
  })

  it('splits the same however the text arrives', async () => {
    const piece = fc.array(fc.constantFrom('<', '|', '>', 'a'), { maxLength: 6 }).map((chars) => chars.join(''))
    await fc.assert(
      fc.asyncProperty(fc.array(piece), fc.constantFrom('<|>', '|', '||'), async (chunks, separator) => {
        const parts: string[] = []
        for await (const part of splitChunks(chunked(chunks), separator)) parts.push(part)
        expect(parts).toEqual(chunks.join('').split(separator))
      }),
    )
  })

  const shards = fileURLToPath(new URL('../../../../../shared/data/corpora/mix/math', import.meta.url))
  it.skipIf(!existsSync(shards))('reads compressed shards of a corpus (needs shared/data/corpora/mix)', async () => {
    const documents = await read(shards)
    expect(documents.length).toBe(1501)
    expect(documents.every(({ text }) => text.length > 0)).toBe(true)
  })
})
