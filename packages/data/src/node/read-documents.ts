import { stat } from 'node:fs/promises'
import { StemkitError } from '@stemkit/spec/errors'
import type { Document } from '../document.ts'
import { findFiles } from './find-files.ts'
import { splitChunks } from './split-chunks.ts'
import { textChunks } from './text-chunks.ts'

/** One total over all files. */
export interface ReadProgress {
  /** Bytes of the files read so far, as they lie on disk. */
  readonly bytes: number
  readonly totalBytes: number
  readonly documents: number
}

export interface ReadOptions {
  /** Default: 'jsonl' for .jsonl and .ndjson (also .gz, .zst), else 'text'. */
  readonly format?: 'text' | 'jsonl'
  /**
   * What stands between the documents of a text file, `<|endoftext|>` say; line breaks next to it go with it, and blank
   * parts are no documents. Default: a file is one document.
   */
  readonly separator?: string
  /** The field of a JSON line that holds the text. Default: 'text'. */
  readonly field?: string
  readonly signal?: AbortSignal
  /** Called after each document. */
  readonly onProgress?: (progress: ReadProgress) => void
}

const formatOf = (file: string): 'text' | 'jsonl' =>
  /\.(?:jsonl|ndjson)(?:\.gz|\.zst)?$/iu.test(file) ? 'jsonl' : 'text'

async function* wholeText(file: string, chunks: AsyncIterable<string>): AsyncGenerator<Document> {
  const parts: string[] = []
  for await (const chunk of chunks) parts.push(chunk)
  const text = parts.join('')
  if (text.trim() !== '') yield { text, name: file }
}

async function* separatedTexts(
  file: string,
  chunks: AsyncIterable<string>,
  separator: string,
): AsyncGenerator<Document> {
  let count = 0
  for await (const part of splitChunks(chunks, separator)) {
    const text = part.replace(/^(?:\r?\n)+|(?:\r?\n)+$/gu, '')
    if (text.trim() !== '') yield { text, name: `${file}#${++count}` }
  }
}

async function* jsonLines(file: string, chunks: AsyncIterable<string>, field: string): AsyncGenerator<Document> {
  let number = 0
  for await (const line of splitChunks(chunks, '\n')) {
    const name = `${file}:${++number}`
    if (line.trim() === '') continue
    let value: unknown
    try {
      value = JSON.parse(line)
    } catch (cause) {
      throw new StemkitError('bad-input', `${name} is not JSON: ${(cause as Error).message}`, { cause })
    }
    const text = (value as Record<string, unknown> | null)?.[field]
    if (typeof text !== 'string') throw new StemkitError('bad-input', `${name} has no text in its field "${field}"`)
    yield { text, name }
  }
}

const documentsOf = (file: string, chunks: AsyncIterable<string>, options: ReadOptions): AsyncGenerator<Document> => {
  if ((options.format ?? formatOf(file)) === 'jsonl') return jsonLines(file, chunks, options.field ?? 'text')
  return options.separator ? separatedTexts(file, chunks, options.separator) : wholeText(file, chunks)
}

/**
 * Documents of files, folders (all .txt, .text, .jsonl and .ndjson in them, sorted) and glob patterns; .gz and .zst are
 * decompressed as they are read. Throws a `StemkitError` that names the file, and the line where there is one:
 * `not-found`, `io`, `corrupt` for a broken archive, `bad-input` for a file that is empty, has no document, is not UTF-8
 * or holds a line that is not JSON or lacks the field.
 */
export async function* readDocuments(
  sources: string | readonly string[],
  options: ReadOptions = {},
): AsyncGenerator<Document> {
  const { signal, onProgress } = options
  const files = await findFiles(typeof sources === 'string' ? [sources] : sources)
  const sizes = await Promise.all(files.map(async (file) => (await stat(file)).size))
  const totalBytes = sizes.reduce((sum, size) => sum + size, 0)
  let bytesBefore = 0
  let bytes = 0
  let documents = 0
  for (const [i, file] of files.entries()) {
    if (sizes[i] === 0) throw new StemkitError('bad-input', `${file} is empty`)
    const before = documents
    const chunks = textChunks(file, { signal, onBytes: (read) => (bytes = bytesBefore + read) })
    try {
      for await (const document of documentsOf(file, chunks, options)) {
        signal?.throwIfAborted()
        documents += 1
        yield document
        onProgress?.({ bytes, totalBytes, documents })
      }
    } catch (cause) {
      if (!(cause instanceof RangeError)) throw cause
      throw new StemkitError('bad-input', `A document of ${file} is longer than a string can be: give a separator`, {
        cause,
      })
    }
    if (documents === before) throw new StemkitError('bad-input', `${file} has no document`)
    bytesBefore += sizes[i] ?? 0
  }
}
