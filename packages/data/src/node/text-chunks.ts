import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { pipeline } from 'node:stream'
import { createGunzip, createZstdDecompress } from 'node:zlib'
import { StemkitError } from '@stemkit/spec/errors'

const decompressor = (file: string) => {
  if (/\.gz$/iu.test(file)) return createGunzip()
  return /\.zst$/iu.test(file) ? createZstdDecompress() : undefined
}

const readError = (file: string, cause: unknown): StemkitError => {
  const { code = '', message } = cause as NodeJS.ErrnoException
  if (code === 'ENOENT') return new StemkitError('not-found', `There is no file ${file}`, { cause })
  if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA') {
    return new StemkitError('bad-input', `${file} is not text in UTF-8`, { cause })
  }
  if (/^(?:Z_|ZSTD_|ERR_ZSTD)/u.test(code)) {
    return new StemkitError('corrupt', `${file} cannot be decompressed: ${message}`, { cause })
  }
  return new StemkitError('io', `${file} cannot be read: ${message}`, { cause })
}

interface ChunkOptions {
  readonly signal?: AbortSignal | undefined
  /** Told how many bytes of the file itself have been read. */
  readonly onBytes?: (bytes: number) => void
}

/**
 * Decompressed bytes. Node's zstd stream ends with a frame and forgets what follows it, so the rest of a file of
 * several frames is read by a new one.
 */
async function* bytesOf(file: string, { signal, onBytes }: ChunkOptions): AsyncGenerator<Uint8Array> {
  const { size } = await stat(file)
  let start = 0
  do {
    const raw = createReadStream(file, { signal, start, highWaterMark: 1 << 18 })
    const inflate = decompressor(file)
    // Errors are thrown while iterating; without a callback they would also be unhandled.
    const stream = inflate === undefined ? raw : pipeline(raw, inflate, () => {})
    try {
      for await (const bytes of stream) {
        onBytes?.(start + raw.bytesRead)
        yield bytes as Uint8Array
      }
    } finally {
      raw.destroy()
    }
    start += inflate === undefined || inflate.bytesWritten === 0 ? size : inflate.bytesWritten
  } while (start < size)
}

/**
 * The text of a file, decompressed by its ending, in chunks as they arrive.
 * Throws `not-found`, `io`, `corrupt` or `bad-input`, naming the file, and what `signal` gives as reason.
 */
export async function* textChunks(file: string, options: ChunkOptions): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  try {
    for await (const bytes of bytesOf(file, options)) yield decoder.decode(bytes, { stream: true })
    yield decoder.decode()
  } catch (cause) {
    if (options.signal?.aborted) throw options.signal.reason
    throw readError(file, cause)
  }
}
