import { open } from 'node:fs/promises'
import { StemkitError } from '@stemkit/spec/errors'
import { inFile, ioError } from './io-error.ts'
import { allocateFor, findTensor, rowRange, type TensorSource } from '../tensor.ts'
import type { TensorLocation } from '../safetensors/header.ts'

/** No system reads more than 2 GiB at once; smaller pieces can be cancelled between. */
const CHUNK_BYTES = 64 * 2 ** 20

/** A file that is read at positions. */
export interface ByteFile {
  readonly path: string
  readonly byteLength: number
  /** Fills `into` with the bytes from `begin` on. Throws corrupt if the file ends before. */
  read(begin: number, into: Uint8Array, signal?: AbortSignal): Promise<void>
  dispose(): Promise<void>
}

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

/** Tensors that are read from an open file, which `dispose` closes. */
export interface TensorReader extends TensorSource {
  readonly metadata: Readonly<Record<string, string>>
  dispose(): Promise<void>
}

/** Tensors at known places of a file. A read touches their bytes and no others. */
export function readLocated(
  file: ByteFile,
  tensors: ReadonlyMap<string, TensorLocation>,
  metadata: Readonly<Record<string, string>> = {},
): TensorReader {
  return {
    tensors,
    metadata,
    read: async (name, { rows, into, signal } = {}) => {
      const location = inFile(file.path, () => findTensor(tensors, name))
      const { begin, shape, length } = rowRange(name, location, rows)
      const data = allocateFor(name, length, into)
      await file.read(location.begin + begin, data, signal)
      return { dtype: location.dtype, shape, data }
    },
    dispose: () => file.dispose(),
  }
}
