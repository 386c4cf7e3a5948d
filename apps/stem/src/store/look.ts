import { StemkitError } from '@stemkit/spec/errors'
import { openRowTable, verifyTable } from '@stemkit/store'
import { Command } from 'commander'
import { number } from '../commands/number-option.ts'
import { pluginOption } from '../plugins/plugin-option.ts'
import { EXIT } from '../terminal/exit.ts'
import { withContext, withTable, type Common } from './context.ts'
import { printTable, versionLine } from './print-table.ts'
import { transferText } from './transfer-text.ts'

export function infoVerb(): Command {
  return new Command('info')
    .description('say what a table is: rows, layout, versions')
    .argument('<url>', 'the table, as in file:./rows')
    .addOption(pluginOption())
    .option('--json', 'print one JSON object')
    .action(async (url: string, { json, ...common }: Common) => {
      await withTable(url, common, async (table) => printTable(table, url, { json }))
    })
}

export function verifyVerb(): Command {
  return new Command('verify')
    .description('read every row of a table and check it')
    .argument('<url>', 'the table')
    .addOption(pluginOption())
    .option('--json', 'print one JSON object: { ok, rows, damaged }')
    .action(async (url: string, options: Common) => {
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

export function snapshotVerb(): Command {
  interface Flags extends Common {
    readonly note?: string
    readonly list?: boolean
    readonly drop?: number
  }
  return new Command('snapshot')
    .description('keep the table as it is as a version, list versions, or let one go')
    .argument('<url>', 'the table')
    .option('--note <text>', 'what to write beside the version')
    .option('--list', 'list the versions and make none')
    .option('--drop <version>', 'let a kept version go and make none', number)
    .addOption(pluginOption())
    .option('--json', 'print one JSON object: { version, versions }')
    .action(async (url: string, { note, list, drop, json, ...common }: Flags) => {
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
    })
}
