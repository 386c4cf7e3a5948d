import { join } from 'node:path'
import { StemkitError } from '@stemkit/spec/errors'
import type { Meta, PutOptions, RowOptions } from '@stemkit/spec/row-driver'
import { decodeMeta, encodeMeta, metaPath } from '../drivers/row-file.ts'
import { attempt } from './file-error.ts'
import { readWhole, removeIfThere, writeFully, type FileSystem } from './file-system.ts'
import { takeLock } from './lock-file.ts'
import type { Processes } from '@stemkit/spec/processes'

export interface MetaFiles {
  get(name: string): Promise<Meta | undefined>
  put(name: string, bytes: Uint8Array, options: PutOptions): Promise<string>
  remove(name: string, options: RowOptions): Promise<void>
}

/** A put holds a lock of its own, for as long as it takes to look, write and rename; ms until the next one gives up. */
const PATIENCE = 10_000

/** The files `meta/NAME` below `folder`. No name of a meta begins with '_': such files are on their way. */
export function metaFiles(files: FileSystem, processes: Processes, folder: string): MetaFiles {
  const metas = join(folder, 'meta')

  const alone = async <T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> => {
    const take = () => takeLock(files, processes, join(metas, '_lock'), { patience: PATIENCE, signal })
    const lock = await attempt(`${metas}: cannot be locked`, take, signal)
    try {
      signal?.throwIfAborted()
      return await work()
    } finally {
      await attempt(`${metas}: cannot be unlocked`, () => lock.release())
    }
  }

  const get = async (name: string): Promise<Meta | undefined> => {
    const path = join(folder, metaPath(name))
    const bytes = await attempt(`${path}: cannot be read`, () => readWhole(files, path))
    return bytes && decodeMeta(bytes, path)
  }

  return {
    get,
    put: (name, bytes, { ifVersion, signal }) =>
      alone(signal, async () => {
        const path = join(folder, metaPath(name))
        if (ifVersion !== undefined) {
          const version = (await get(name))?.version ?? null
          if (version !== ifVersion) {
            const now = version === null ? 'is not there' : `has version ${version}`
            throw new StemkitError(
              'conflict',
              `${path}: ${now}, not ${ifVersion ?? 'new'}: somebody else was faster, read it again`,
            )
          }
        }
        const version = randomVersion()
        await attempt(`${path}: cannot be written, what was there stays`, async () => {
          const next = join(metas, `_${name}`)
          try {
            await writeFile(files, next, encodeMeta(bytes, version))
            await files.rename(next, path)
          } catch (error) {
            await removeIfThere(files, next).catch(() => undefined)
            throw error
          }
        })
        await attempt(`${path}: written, but it may not outlive a loss of power`, () => files.syncFolder(metas))
        return version
      }),
    remove: (name, { signal }) =>
      alone(signal, async () => {
        const path = join(folder, metaPath(name))
        await attempt(`${path}: cannot be removed`, async () => {
          await removeIfThere(files, path)
          await files.syncFolder(metas)
        })
      }),
  }
}

async function writeFile(files: FileSystem, path: string, bytes: Uint8Array): Promise<void> {
  const file = await files.open(path, 'new')
  try {
    await writeFully(file, [bytes], 0)
    await file.sync()
  } finally {
    await file.close()
  }
}

const randomVersion = (): string => crypto.getRandomValues(new BigUint64Array(1))[0]!.toString(16).padStart(16, '0')
