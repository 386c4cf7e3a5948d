import { readFile } from 'node:fs/promises'
import { StemkitError } from '@stemkit/spec/errors'
import { writeFileAtomically } from '@stemkit/weights/node'
import { parseEdit, type Edit } from './edit.ts'
import { exportPatch, type ExportPatchOptions } from './patch/export-patch.ts'
import { importPatch, type ImportPatchOptions } from './patch/import-patch.ts'
import type { EditedTable } from './rows/stacked-rows.ts'
import type { Applied } from './stored/apply-edit.ts'

/** Reads edits from a JSON file: one, or a list. @throws not-found, io, and as `parseEdit` with the file's name */
export async function readEditFile(path: string): Promise<Edit[]> {
  const bytes = await readBytes(path)
  try {
    const json: unknown = JSON.parse(new TextDecoder().decode(bytes))
    return (Array.isArray(json) ? json : [json]).map(parseEdit)
  } catch (error) {
    throw new StemkitError('bad-input', `${path}: ${(error as Error).message}`)
  }
}

/** Exports edits to a file, which is replaced whole or not at all; returns its size. @throws io, and as `exportPatch` */
export async function savePatch(edited: EditedTable, path: string, options: ExportPatchOptions = {}): Promise<number> {
  const bytes = await exportPatch(edited, options)
  await writeFileAtomically(path, bytes, options.signal ? { signal: options.signal } : {})
  return bytes.length
}

/** Applies a patch file. @throws not-found, io, and as `importPatch` with the file's name */
export async function loadPatch(edited: EditedTable, path: string, options: ImportPatchOptions = {}): Promise<Applied> {
  const bytes = await readBytes(path)
  try {
    return await importPatch(edited, bytes, options)
  } catch (error) {
    throw StemkitError.isInstance(error) ? new StemkitError(error.code, `${path}: ${error.message}`) : error
  }
}

async function readBytes(path: string): Promise<Uint8Array> {
  try {
    return new Uint8Array(await readFile(path))
  } catch (cause) {
    const isMissing = (cause as NodeJS.ErrnoException).code === 'ENOENT'
    const problem = isMissing ? 'there is no such file' : (cause as Error).message
    throw new StemkitError(isMissing ? 'not-found' : 'io', `${path}: ${problem}`, { cause })
  }
}
