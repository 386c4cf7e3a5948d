import { StemkitError } from '@stemkit/spec/errors'
import { openRowTable, verifyTable } from '@stemkit/store'
import { EXIT } from '../terminal/exit.ts'
import { withContext, withTable, type Common } from './context.ts'
import { printTable, versionLine } from './print-table.ts'
import { transferText } from './transfer-text.ts'
import type { SnapshotFlags } from './verbs.ts'

/** Prints what a table is. */
export async function showTable(url: string, { json, ...common }: Common): Promise<void> {
  await withTable(url, common, async (table) => printTable(table, url, { json }))
}

/** Reads every row and prints which are damaged. @throws corrupt where some are */
export async function checkTable(url: string, options: Common): Promise<void> {
  await withTable(url, options, async (table, { signal, show }) => {
    const text = transferText()
    const damaged = await verifyTable(table, {
      onProgress: (progress) => show(text('reading rows', { ...progress, rowBytes: table.rowBytes })),
      signal,
    })
    const ok = damaged.length === 0
    if (options.json) process.stdout.write(`${JSON.stringify({ ok, rows: table.rows, damaged })}\n`)
    else if (ok) process.stdout.write(`all ${table.rows} rows of version ${table.version} are whole\n`)
    else throw damage(damaged, url)
    if (!ok) process.exitCode = EXIT.failed
  })
}

function damage(damaged: readonly number[], url: string): StemkitError {
  const some = damaged.slice(0, 5).join(', ')
  const scheme = url.split(':')[0]
  return new StemkitError(
    'corrupt',
    `${damaged.length} rows at ${scheme}: are damaged: ${some}${damaged.length > 5 ? ', ...' : ''}; copy the table anew from its source`,
  )
}

/** Keeps the table as it is, or lets a version go, and prints those that are kept. */
export async function keepVersion(url: string, { note, list, drop, json, ...common }: SnapshotFlags): Promise<void> {
  await withContext(common, async ({ open, signal }) => {
    const reading = list === true && drop === undefined
    const driver = await open(url, { readOnly: reading, signal })
    const table = await openRowTable({ driver, mode: reading ? 'read' : 'write', signal }).catch(
      async (error: unknown) => {
        await driver.dispose()
        throw error
      },
    )
    try {
      if (drop !== undefined) await table.drop(drop, { signal })
      else if (!reading) await table.snapshot({ keep: true, ...(note === undefined ? {} : { note }), signal })
      const versions = await table.versions({ signal })
      if (json) process.stdout.write(`${JSON.stringify({ version: table.version, versions })}\n`)
      else for (const each of versions) process.stdout.write(`${versionLine(each)}\n`)
    } finally {
      await table.dispose()
    }
  })
}
