import { mkdir, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { StemkitError } from '@stemkit/spec/errors'
import { ioError } from './io-error.ts'

/**
 * Makes a folder and those above it that are missing; one that is there stays as it is. Level by level, because Node's
 * own recursive `mkdir` never returns where the system calls a folder missing in one that is there (below `/proc`, say).
 * @throws io, with one line that names the folder
 */
export async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdirWithParents(resolve(folder))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw ioError(folder, error)
    throw new StemkitError('io', `${folder}: no folder can be made there`, { cause: error })
  }
}

async function mkdirWithParents(path: string): Promise<void> {
  try {
    await mkdir(path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST' && (await stat(path)).isDirectory()) return
    const parent = dirname(path)
    const parentMissing = code === 'ENOENT' && parent !== path && !(await stat(parent).catch(() => undefined))
    if (!parentMissing) throw error
    await mkdirWithParents(parent)
    await mkdir(path)
  }
}
