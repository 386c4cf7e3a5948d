import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { StemkitError } from '@stemkit/spec/errors'

/** Stands for a line break in the corpus file, where a line is one text; a noncharacter, which no text has. */
export const LINE_BREAK = '\u{10FFFF}'

const CHUNK = 65_536

/**
 * Chunks of about 64 K characters, so that the trainer's memory does not grow with a text. Cut between a visible
 * character and the space or line break after it, where no word of the byte-level pattern ever crosses.
 */
export function* chunksOf(text: string): Generator<string> {
  const boundary = /[\p{L}\p{N}\p{P}](?=[ \n])/gu
  let start = 0
  while (text.length - start > CHUNK) {
    boundary.lastIndex = start + CHUNK
    if (!boundary.test(text)) break
    yield text.slice(start, boundary.lastIndex)
    start = boundary.lastIndex
  }
  if (start < text.length) yield text.slice(start)
}

/** The texts of files in UTF-8, a file in pieces that end where `chunksOf` may cut. */
export async function* textsOfFiles(files: readonly string[], signal?: AbortSignal): AsyncGenerator<string> {
  for (const file of files) {
    const decoder = new TextDecoder('utf-8', { fatal: true })
    let rest = ''
    try {
      for await (const bytes of createReadStream(file, { signal, highWaterMark: 1 << 20 })) {
        rest += decoder.decode(bytes as Uint8Array, { stream: true })
        const chunks = [...chunksOf(rest)]
        rest = chunks.pop() ?? ''
        yield* chunks
      }
      rest += decoder.decode()
    } catch (cause) {
      if (signal?.aborted) throw signal.reason
      const { code, message } = cause as NodeJS.ErrnoException
      if (code === 'ENOENT') throw new StemkitError('not-found', `There is no file ${file}`, { cause })
      if (cause instanceof TypeError) throw new StemkitError('bad-input', `${file} is not text in UTF-8`, { cause })
      throw new StemkitError('io', `${file} cannot be read: ${message}`, { cause })
    }
    if (rest !== '') yield rest
  }
}

export interface CorpusProgress {
  readonly texts: number
  readonly characters: number
}

/** Writes texts to one file, a chunk to a line; special tokens are left out, since they are never merged. */
export const writeCorpus = async (
  path: string,
  texts: Iterable<string> | AsyncIterable<string>,
  options: {
    readonly specialTokens: readonly string[]
    readonly signal?: AbortSignal | undefined
    readonly onProgress?: ((progress: CorpusProgress) => void) | undefined
  },
): Promise<CorpusProgress> => {
  const file = await open(path, 'w')
  let count = 0
  let characters = 0
  let pending: string[] = []
  let size = 0
  const flush = async (): Promise<void> => {
    await file.write(pending.join(''))
    pending = []
    size = 0
    options.onProgress?.({ texts: count, characters })
  }
  try {
    for await (const text of texts) {
      options.signal?.throwIfAborted()
      let parts = [text]
      for (const token of options.specialTokens) parts = parts.flatMap((part) => part.split(token))
      for (const chunk of parts.flatMap((part) => [...chunksOf(part)])) {
        pending.push(chunk.replaceAll('\n', LINE_BREAK), '\n')
        size += chunk.length
      }
      count += 1
      characters += text.length
      if (size > 16 * CHUNK) await flush()
    }
    await flush()
  } finally {
    await file.close()
  }
  return { texts: count, characters }
}
