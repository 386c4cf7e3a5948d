import { readdir, stat } from 'node:fs/promises'
import { basename, join, relative } from 'node:path'
import { StemkitError } from '@stemkit/spec/errors'
import { builtInTasks } from '../tasks/built-in-tasks.ts'
import { createTaskRegistry, type TaskRegistry } from '../tasks/task-registry.ts'
import { failed, verifyAny } from '../verify/verify-any.ts'
import type { VerifiedTask } from '../verify/verify-record.ts'
import { readRecordFile } from './read-record-file.ts'

export interface VerifiedFolderTask extends VerifiedTask {
  /** The record, relative to the folder. */
  readonly file: string
}

export interface VerifyFolderOptions {
  readonly signal?: AbortSignal
  readonly onProgress?: (done: { readonly file: string; readonly index: number; readonly total: number }) => void
  /** Told of JSON that is no record, an index say; it is not verified and is no difference. */
  readonly onPassedOver?: (file: string) => void
}

/**
 * Verifies every record of a folder: files that end in `.json` or `.json.gz`, or links to such, at any depth, with the layout of the
 * reference records of lm-evaluation-harness. A file that cannot be read is a difference. Throws where there is no record.
 */
export async function verifyFolder(folder: string, options: VerifyFolderOptions = {}): Promise<VerifiedFolderTask[]> {
  const registry = createTaskRegistry(builtInTasks)
  const files = await recordFiles(folder)
  const verified: VerifiedFolderTask[] = []
  for (const [index, path] of files.entries()) {
    options.signal?.throwIfAborted()
    const file = relative(folder, path)
    options.onProgress?.({ file, index, total: files.length })
    const tasks = await verifyFile(path, registry)
    if (tasks) verified.push(...tasks.map((task) => ({ ...task, file })))
    else options.onPassedOver?.(file)
  }
  if (verified.length === 0) throw noRecords(folder)
  return verified
}

async function verifyFile(path: string, registry: TaskRegistry): Promise<VerifiedTask[] | undefined> {
  const name = basename(path)
  try {
    return await verifyAny(name, await readRecordFile(path), registry)
  } catch (error) {
    return [failed(name, { at: 'file', expected: 'a record', actual: (error as Error).message })]
  }
}

async function recordFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch((error: Error) => {
    throw new StemkitError('not-found', `${folder} cannot be read (${error.message})`)
  })
  const named = entries.filter(({ name }) => /\.json(?:\.gz)?$/.test(name))
  const paths = await Promise.all(
    named.map(async (entry) => {
      const path = join(entry.parentPath, entry.name)
      return entry.isFile() || (entry.isSymbolicLink() && !(await leadsToFolder(path))) ? [path] : []
    }),
  )
  if (paths.flat().length === 0) throw noRecords(folder)
  return paths.flat().toSorted()
}

/** A link that leads nowhere does not; reading it says so. */
const leadsToFolder = (link: string): Promise<boolean> =>
  stat(link).then(
    (target) => target.isDirectory(),
    () => false,
  )

const noRecords = (folder: string) =>
  new StemkitError('not-found', `${folder} has no records; they are files that end in .json.gz`)
