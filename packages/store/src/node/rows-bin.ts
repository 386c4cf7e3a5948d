import { join } from 'node:path'
import { StemkitError } from '@stemkit/spec/errors'
import { checkGeometry } from '@stemkit/spec/row-calls'
import type { RowGeometry } from '@stemkit/spec/row-driver'
import {
  checkRowFileSize,
  MOST_ROW_BYTES,
  readRowHeader,
  ROW_HEADER_BYTES,
  ROW_HEADER_COPIES,
  rowHeader,
  rowOffset,
  ROWS_FILE,
} from '../drivers/row-file.ts'
import { attempt } from './file-error.ts'
import { makeFolders, readFully, removeIfThere, writeFully, type FileSystem, type OpenFile } from './file-system.ts'
import { takeLock } from './lock-file.ts'
import type { Processes } from '@stemkit/spec/processes'

/** A creator holds the lock for as long as it takes; ms until another one gives up. */
const PATIENCE = 10_000

/**
 * Makes `rows.bin`, complete as soon as it has that name.
 * @throws conflict where there is one
 */
export async function createRowsBin(
  files: FileSystem,
  processes: Processes,
  folder: string,
  geometry: RowGeometry,
  signal: AbortSignal | undefined,
): Promise<void> {
  checkGeometry(geometry, folder, MOST_ROW_BYTES)
  const path = join(folder, ROWS_FILE)
  const work = async (): Promise<void> => {
    await refuseOld(files, path)
    await makeFolders(files, folder)
    await makeFolders(files, join(folder, 'meta'))
    const lock = await takeLock(files, processes, join(folder, 'lock'), { patience: PATIENCE, signal })
    try {
      await refuseOld(files, path)
      const next = `${path}.new`
      try {
        await writeNew(files, next, geometry)
        signal?.throwIfAborted()
        await files.rename(next, path)
      } catch (error) {
        await removeIfThere(files, next).catch(() => undefined)
        throw error
      }
      await files.syncFolder(folder)
    } finally {
      await lock.release()
    }
  }
  await attempt(`${folder}: no rows can be made there`, work, signal)
}

async function refuseOld(files: FileSystem, path: string): Promise<void> {
  try {
    await (await files.open(path, 'read')).close()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw error
  }
  throw new StemkitError('conflict', `${path}: there are rows already; open them, or choose another folder`)
}

async function writeNew(files: FileSystem, path: string, geometry: RowGeometry): Promise<void> {
  const file = await files.open(path, 'new')
  try {
    await file.truncate(rowOffset(geometry.rows, geometry.rowBytes))
    for (const at of ROW_HEADER_COPIES) await writeFully(file, [rowHeader(geometry)], at)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** @throws not-found, corrupt, unsupported for a later format */
export async function openRowsBin(
  files: FileSystem,
  path: string,
  mode: 'read' | 'write',
): Promise<{ file: OpenFile; geometry: RowGeometry }> {
  const file = await attempt(`${path}: cannot be opened`, () => files.open(path, mode))
  try {
    return { file, geometry: await readGeometry(file, path) }
  } catch (error) {
    await file.close().catch(() => undefined)
    throw error
  }
}

async function readGeometry(file: OpenFile, path: string): Promise<RowGeometry> {
  const { header, size } = await attempt(`${path}: the header cannot be read`, async () => {
    const bytes = new Uint8Array(ROW_HEADER_BYTES)
    await readFully(file, [bytes], 0)
    return { header: bytes, size: await file.size() }
  })
  const geometry = readRowHeader(header, path)
  checkRowFileSize(geometry, size, path)
  return geometry
}

/**
 * Adds zeroed rows. The file is longer, durably, before its header says so, and the header is never without a whole copy: cut
 * short anywhere, there are as many rows as before or as many as wanted.
 * @returns how many rows there are: more than wanted if somebody else has added some
 */
export async function growRowsBin(file: OpenFile, path: string, rows: number): Promise<number> {
  const now = await readGeometry(file, path)
  if (rows <= now.rows) return now.rows
  const wanted = { ...now, rows }
  await attempt(`${path}: cannot be resized to ${rows} rows`, async () => {
    await file.truncate(rowOffset(rows, now.rowBytes))
    for (const at of ROW_HEADER_COPIES) {
      await file.sync()
      await writeFully(file, [rowHeader(wanted)], at)
    }
    await file.sync()
  })
  return rows
}
