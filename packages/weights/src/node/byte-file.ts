import { open } from 'node:fs/promises'
import { StemkitError } from '@stemkit/spec/errors'
import type { ByteFile } from '../byte-file.ts'
import { ioError } from './io-error.ts'

/** No system reads more than 2 GiB at once; smaller pieces can be cancelled between. */
const CHUNK_BYTES = 64 * 2 ** 20

/** @throws not-found, or io if it cannot be read */
export async function openByteFile(path: string, signal?: AbortSignal): Promise<ByteFile> {
  signal?.throwIfAborted()
  const handle = await open(path, 'r').catch((error: unknown) => {
    throw ioError(path, error)
  })
  try {
    const info = await handle.stat()
    if (!info.isFile()) throw new StemkitError('bad-input', `${path} is not a file`)
    return {
      path,
      byteLength: info.size,
      read: async (begin, into, readSignal) => {
        for (let done = 0; done < into.byteLength;) {
          readSignal?.throwIfAborted()
          const length = Math.min(CHUNK_BYTES, into.byteLength - done)
          const { bytesRead } = await handle.read(into, done, length, begin + done).catch((error: unknown) => {
            throw ioError(path, error)
          })
          if (bytesRead === 0)
            throw new StemkitError('corrupt', `${path} ended at byte ${begin + done}; was it cut while open?`)
          done += bytesRead
        }
        readSignal?.throwIfAborted()
      },
      dispose: () => handle.close(),
    }
  } catch (error) {
    await handle.close()
    throw ioError(path, error)
  }
}
