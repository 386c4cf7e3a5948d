import { randomBytes } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { StemkitError } from '@stemkit/spec/errors'
import { createRowTable, recordBytes, type RowTable } from '@stemkit/store'
import { note } from '../../terminal/progress.ts'
import type { Context } from '../context.ts'

export interface ScratchTable {
  readonly table: RowTable
  /** Closes the table and removes it, or says where it was left. */
  dispose(): Promise<void>
}

export interface ScratchOptions {
  /** The table that it is made beside. */
  readonly url: string
  /** Where to make it instead; nothing may be there. */
  readonly place: string | undefined
  /** What it is to be like. */
  readonly like: Pick<RowTable, 'layout' | 'rows' | 'rowBytes'>
  readonly batch: number
}

/** Size of a scratch table, unless a few batches are larger. */
const MOST_BYTES = 64 * 2 ** 20
/** What a driver leaves beside the path that its URL names. */
const FILES: Readonly<Record<string, readonly string[]>> = {
  file: [''],
  lmdb: [''],
  sqlite: ['', '-wal', '-shm', '-lock'],
}

/** Makes a table of zeros beside another one: the same kind of rows, on the same medium, to write to. */
export async function scratchTable(
  { open, signal }: Context,
  { url, place, like, batch }: ScratchOptions,
): Promise<ScratchTable> {
  const [scheme = ''] = (place ?? url).split(':')
  if (place === undefined && !(scheme in FILES)) {
    throw new StemkitError(
      'unsupported',
      `store bench: no scratch table can be made beside ${scheme}:, say where with --write URL`,
    )
  }
  const target = place ?? `${url.replace(/\/+$/, '')}.bench-${randomBytes(4).toString('hex')}`
  const { layout } = like
  const rows = Math.min(like.rows, Math.max(4 * batch, Math.floor(MOST_BYTES / like.rowBytes)))
  const driver = await open(target, { create: { rows, rowBytes: recordBytes(layout) }, signal })
  const remove = async (): Promise<void> => {
    const files = FILES[scheme]
    if (files === undefined) return note(`the scratch table at ${scheme}: is left to you to delete`)
    const path = pathOf(target)
    for (const end of files) await rm(`${path}${end}`, { recursive: true, force: true })
  }
  try {
    const table = await createRowTable({ driver, layout, rows, signal })
    return {
      table,
      async dispose() {
        await table.dispose()
        await remove()
      },
    }
  } catch (error) {
    await driver.dispose()
    await remove()
    throw error
  }
}

/** The path that a URL of files names, as drivers read it. */
function pathOf(url: string): string {
  const path = url.slice(url.indexOf(':') + 1)
  return path.startsWith('/') ? fileURLToPath(`file:${path}`) : decodeURIComponent(path)
}
