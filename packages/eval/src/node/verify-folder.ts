import { readdir, readFile } from 'node:fs/promises'
import { basename, join, relative } from 'node:path'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { StemkitError } from '@stemkit/spec/errors'
import { builtInTasks } from '../tasks/built-in-tasks.ts'
import { createTaskRegistry } from '../tasks/task-registry.ts'
import { failed, verifyAny } from '../verify/verify-any.ts'
import type { VerifiedTask } from '../verify/verify-record.ts'

export interface VerifiedFolderTask extends VerifiedTask {
  /** The record, relative to the folder. */
  readonly file: string
}

export interface VerifyFolderOptions {
  readonly signal?: AbortSignal
  readonly onProgress?: (done: { readonly file: string; readonly index: number; readonly total: number }) => void
}

/**
 * Verifies every record of a folder: files that end in `.json` or `.json.gz`, at any depth, with the layout of the reference records
 * of lm-evaluation-harness. Throws where there is none.
 */
export async function verifyFolder(folder: string, options: VerifyFolderOptions = {}): Promise<VerifiedFolderTask[]> {
  const registry = createTaskRegistry(builtInTasks)
  const files = await recordFiles(folder)
  const verified: VerifiedFolderTask[] = []
  for (const [index, path] of files.entries()) {
    options.signal?.throwIfAborted()
    const file = relative(folder, path)
    options.onProgress?.({ file, index, total: files.length })
    const unknown = { at: 'file', expected: 'a record of a layout that is known', actual: 'something else' }
    const name = basename(path)
    const tasks = (await verifyAny(name, await readRecord(path), registry)) ?? [failed(name, unknown)]
    verified.push(...tasks.map((task) => ({ ...task, file })))
  }
  return verified
}

async function recordFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch((error: Error) => {
    throw new StemkitError('not-found', `${folder} cannot be read (${error.message})`)
  })
  const files = entries.filter((entry) => entry.isFile() && /\.json(?:\.gz)?$/.test(entry.name))
  if (files.length === 0)
    throw new StemkitError('not-found', `${folder} has no records; they are files that end in .json.gz`)
  return files.map((entry) => join(entry.parentPath, entry.name)).toSorted()
}

/** Undefined where a file cannot be read as one. */
async function readRecord(path: string): Promise<unknown> {
  const bytes = await readFile(path)
  try {
    const text = path.endsWith('.gz') ? await promisify(gunzip)(bytes) : bytes
    return JSON.parse(text.toString())
  } catch {
    return undefined
  }
}
