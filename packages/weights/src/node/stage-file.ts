import { randomBytes } from 'node:crypto'
import { open, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { ioError } from './io-error.ts'

/** Large enough to be fast, small enough to be cancelled and reported soon. */
const CHUNK_BYTES = 16 * 2 ** 20

export type Chunks = Iterable<Uint8Array> | AsyncIterable<Uint8Array>

export interface WriteOptions {
  readonly signal?: AbortSignal
  /** Called with the number of bytes of every piece that has been written. */
  readonly onBytes?: (bytes: number) => void
}

/** A file that is complete and on the disk, under a temporary name beside the one it is meant for. */
export interface StagedFile {
  readonly path: string
  /** Gives it its name, in place of what had that name before. */
  commit(): Promise<void>
  /** Removes it. */
  discard(): Promise<void>
}

/**
 * Writes a file under a temporary name in the same folder and syncs it. If anything fails, the temporary file is
 * removed.
 * @throws io (disk full, no permission), not-found for a folder that does not exist, or the signal's reason
 */
export async function stageFile(
  path: string,
  chunks: Chunks,
  { signal, onBytes }: WriteOptions = {},
): Promise<StagedFile> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`)
  const discard = (): Promise<void> => rm(temporary, { force: true })
  try {
    const file = await open(temporary, 'wx')
    try {
      for await (const chunk of chunks) {
        for (let begin = 0; begin < chunk.byteLength; begin += CHUNK_BYTES) {
          signal?.throwIfAborted()
          const piece = chunk.subarray(begin, begin + CHUNK_BYTES)
          await file.writeFile(piece)
          onBytes?.(piece.byteLength)
        }
      }
      signal?.throwIfAborted()
      await file.sync()
    } finally {
      await file.close()
    }
  } catch (error) {
    await discard().catch(() => {})
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT'
    throw ioError(missing ? dirname(path) : path, error, signal)
  }
  const commit = async (): Promise<void> => {
    try {
      await rename(temporary, path)
    } catch (error) {
      await discard().catch(() => {})
      throw ioError(path, error)
    }
  }
  return { path, commit, discard }
}

/** Makes renames in a folder survive a power cut, where the system can do that. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r').catch(() => undefined)
  if (folder === undefined) return
  await folder.sync().catch(() => {})
  await folder.close()
}

/**
 * Replaces a file whole or not at all: readers see the old contents or the new. On failure the old file is left.
 * Throws as `stageFile` does.
 */
export async function writeFileAtomically(
  path: string,
  content: string | Uint8Array | Chunks,
  options: WriteOptions = {},
): Promise<void> {
  const chunks =
    typeof content === 'string' ? [Buffer.from(content)] : content instanceof Uint8Array ? [content] : content
  const staged = await stageFile(path, chunks, options)
  await staged.commit()
  await syncFolder(dirname(path))
}
