import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { RowGeometry } from '@stemkit/spec/row-driver'
import {
  encodeMeta,
  metaPath,
  ROW_HEADER_BYTES,
  ROW_HEADER_COPIES,
  rowHeader,
  ROWS_FILE,
} from '../../drivers/row-file.ts'

/** A new folder for a test. */
export const temporaryFolder = (): Promise<string> => mkdtemp(join(tmpdir(), 'stemkit-http-rows-'))
export const removeFolder = (folder: string): Promise<void> => rm(folder, { recursive: true, force: true })

/** `rows.bin` as the format has it. */
export function rowFile(geometry: RowGeometry, rows: Uint8Array): Uint8Array {
  const file = new Uint8Array(ROW_HEADER_BYTES + rows.length)
  for (const at of ROW_HEADER_COPIES) file.set(rowHeader(geometry), at)
  file.set(rows, ROW_HEADER_BYTES)
  return file
}

/** Writes it anew, and renames it into its place. */
export async function putFile(folder: string, path: string, bytes: Uint8Array): Promise<void> {
  const target = join(folder, path)
  await mkdir(dirname(target), { recursive: true })
  await writeFile(`${target}.new`, bytes)
  await rename(`${target}.new`, target)
}

export async function writeRows(
  folder: string,
  geometry: RowGeometry,
  rows: Uint8Array,
  metas: Readonly<Record<string, Uint8Array>> = {},
): Promise<void> {
  await putFile(folder, ROWS_FILE, rowFile(geometry, rows))
  for (const [name, bytes] of Object.entries(metas)) {
    await putFile(folder, metaPath(name), encodeMeta(bytes, '00000000000000ab'))
  }
}

/** Bytes that tell rows, places in them and `salt`s apart. */
export function rowBytesOf({ rows, rowBytes }: RowGeometry, salt = 0): Uint8Array {
  return Uint8Array.from({ length: rows * rowBytes }, (_, i) => (Math.imul(i + salt, 0x9e3779b1) >>> 24) ^ salt)
}
