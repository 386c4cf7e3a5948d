import { readdir } from 'node:fs/promises'
import { StemkitError } from '@stemkit/spec/errors'
import { MAX_HEADER_BYTES } from '../safetensors/header.ts'
import { parseStrictJson } from '../strict-json.ts'
import { openByteFile } from './byte-file.ts'
import { ioError } from './io-error.ts'

/** Names of what is in a folder. Throws not-found, or io. */
export const listFolder = (folder: string): Promise<string[]> =>
  readdir(folder).catch((error: unknown) => {
    throw ioError(folder, error)
  })

/** A file that is read whole, up to the size that a header may have. */
export async function readSmallFile(path: string, signal?: AbortSignal): Promise<Uint8Array> {
  const file = await openByteFile(path, signal)
  try {
    if (file.byteLength > MAX_HEADER_BYTES) {
      throw new StemkitError(
        'corrupt',
        `${path} has ${file.byteLength} bytes, more than the limit of ${MAX_HEADER_BYTES}`,
      )
    }
    const bytes = new Uint8Array(file.byteLength)
    await file.read(0, bytes, signal)
    return bytes
  } finally {
    await file.dispose()
  }
}

/** A JSON file with an object, parsed with care. Throws not-found, io or corrupt, naming the file. */
export async function readJsonFile(path: string, signal?: AbortSignal): Promise<Record<string, unknown>> {
  const bytes = await readSmallFile(path, signal)
  return parseStrictJson(path, bytes, { maxDepth: 32 })
}
