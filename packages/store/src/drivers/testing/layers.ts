import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RowDriver, RowGeometry } from '@stemkit/spec/row-driver'
import { onTestFinished } from 'vitest'
import { fileRows } from '../../node/file-rows.ts'
import { memoryRows } from '../memory-rows.ts'

export const range = (from: number, to: number): Uint32Array =>
  Uint32Array.from({ length: to - from }, (_, i) => from + i)

/** Bytes that tell rows and salts apart. */
export const rowsOf = ({ rows, rowBytes }: RowGeometry, salt: number): Uint8Array =>
  Uint8Array.from({ length: rows * rowBytes }, (_, at) => 1 + ((Math.floor(at / rowBytes) * 7 + salt * 31) % 251))

export async function contentOf(driver: RowDriver, ids = range(0, driver.rows)): Promise<Uint8Array> {
  const into = new Uint8Array(ids.length * driver.rowBytes)
  await driver.read(ids, into)
  return into
}

/** Rows that can only be read, as those behind a server. */
export async function readOnlyRows(
  geometry: RowGeometry,
  rows: Uint8Array = new Uint8Array(geometry.rows * geometry.rowBytes),
  metas: Readonly<Record<string, Uint8Array>> = {},
): Promise<RowDriver> {
  const driver = memoryRows(geometry)
  await driver.write!(range(0, geometry.rows), rows)
  for (const [name, bytes] of Object.entries(metas)) await driver.meta!.put!(name, bytes)
  const { rowBytes, durability, read, meta, dispose } = driver
  return { rows: geometry.rows, rowBytes, durability, read, meta: { get: meta!.get }, dispose }
}

export interface Folder {
  readonly path: string
  /** What a kill leaves of it now. */
  killed(): Promise<Folder>
}

/** A place for a file layer, gone when the test ends. */
export async function temporaryLayer(from?: string): Promise<Folder> {
  const path = join(await mkdtemp(join(tmpdir(), 'stemkit-layers-')), 'rows')
  onTestFinished(() => rm(join(path, '..'), { recursive: true, force: true }))
  if (from !== undefined) await cp(from, path, { recursive: true })
  await rm(join(path, 'lock'), { force: true })
  return { path, killed: () => temporaryLayer(path) }
}

/** The rows of the folder, made if there are none. */
export async function fileLayer({ path }: Folder, geometry: RowGeometry): Promise<RowDriver> {
  return fileRows(path).catch(() => fileRows(path, { create: geometry }))
}
