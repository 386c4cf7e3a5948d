import { utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished } from 'vitest'
import { ROWS_FILE } from '../../drivers/row-file.ts'
import { httpRows, type HttpRows, type HttpRowsOptions } from '../http-rows.ts'
import { serveFolder, type RangeServer, type RangeServerOptions, type ServedRequest } from './range-server.ts'
import { removeFolder, rowBytesOf, temporaryFolder, writeRows } from './row-folder.ts'

/** A new folder behind a server, both gone when the test ends. */
export async function serve(options?: RangeServerOptions): Promise<{ folder: string; server: RangeServer }> {
  const folder = await temporaryFolder()
  onTestFinished(() => removeFolder(folder))
  const server = await serveFolder(folder, options)
  onTestFinished(() => server.close())
  return { folder, server }
}

export const GEOMETRY = { rows: 64, rowBytes: 4096 }
export const CONTENT = rowBytesOf(GEOMETRY)
export const row = (id: number): Uint8Array => CONTENT.subarray(id * 4096, (id + 1) * 4096)

/** Gives up soon, for tests of failures. */
export const quick: HttpRowsOptions = { retries: 3, timeout: 150 }

export interface OpenedRows {
  readonly folder: string
  readonly server: RangeServer
  readonly driver: HttpRows
  read(...ids: number[]): Promise<Uint8Array>
}

/** 64 rows of 4 KiB from 2001 and a meta `root` behind a server, opened; its log begins after that. */
export async function opened(options: HttpRowsOptions = {}, serverOptions?: RangeServerOptions): Promise<OpenedRows> {
  const { folder, server } = await serve(serverOptions)
  await writeRows(folder, GEOMETRY, CONTENT, { root: Uint8Array.of(1, 2, 3) })
  await utimes(join(folder, ROWS_FILE), 1e9, 1e9)
  const driver = await httpRows(server.url, { ...quick, ...options })
  server.log.length = 0
  const read = async (...ids: number[]): Promise<Uint8Array> => {
    const into = new Uint8Array(ids.length * 4096)
    await driver.read(Uint32Array.from(ids), into)
    return into
  }
  return { folder, server, driver, read }
}

/** The server's log, once nothing is under way. */
export async function settled(server: RangeServer): Promise<readonly ServedRequest[]> {
  await expect.poll(() => server.log.every(({ outcome }) => outcome !== 'under way')).toBe(true)
  return server.log
}
