import { StemkitError } from '@stemkit/spec/errors'
import { copyTable, openRowTable, recordBytes, type RowTable } from '@stemkit/store'
import { withContext, type Context } from './context.ts'
import { makeTable } from './make-table.ts'
import { printTable } from './print-table.ts'
import type { CopyFlags } from './verbs.ts'

/** Copies a table and prints what the copy is. */
export async function copyRows(from: string, to: string, flags: CopyFlags): Promise<void> {
  await withContext(flags, async (context) => {
    const { source, confirm } = await openSource(context, from)
    try {
      const { dtype = source.layout.dtype, state = source.layout.state, verify } = flags
      const layout = { ...source.layout, dtype, state }
      const { table, resumedRows } = await makeTable(context, {
        url: to,
        geometry: { rows: source.rows, rowBytes: recordBytes(layout) },
        what: 'copying',
        make: (driver, building) => copyTable({ from: source, to: driver, layout, verify, confirm, ...building }),
      })
      try {
        await printTable(table, to, { json: flags.json, resumedRows })
      } finally {
        await table.dispose()
      }
    } finally {
      await source.dispose()
    }
  })
}

/**
 * The table to copy, its version held while that takes. Where nothing may be written, and so nothing can hold it, `confirm`
 * rejects if the version is gone by then: rows of a later one may lie in its places.
 */
async function openSource(
  { open, signal }: Context,
  url: string,
): Promise<{ source: RowTable; confirm: () => Promise<void> }> {
  const driver = await open(url, { signal }).catch((error: unknown) => {
    if (StemkitError.isInstance(error) && error.code === 'not-found') throw error
    return open(url, { readOnly: true, signal })
  })
  const source = await openRowTable({ driver, mode: 'read', signal }).catch(async (error: unknown) => {
    await driver.dispose()
    throw error
  })
  const isHeld = driver.meta?.put !== undefined
  return {
    source,
    async confirm() {
      if (isHeld || (await source.versions({ signal })).some(({ version }) => version === source.version)) return
      throw new StemkitError(
        'conflict',
        `the table at ${url.split(':')[0]}: has changed while it was copied; copy it again`,
      )
    },
  }
}
