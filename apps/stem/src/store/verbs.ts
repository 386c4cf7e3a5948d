import type { TableInit } from '@stemkit/model'
import type { RowDtype, RowState } from '@stemkit/store'
import { Command, InvalidArgumentError } from 'commander'
import { number, wholeNumber } from '../commands/number-option.ts'
import { tableInitOption } from '../commands/table-init-option.ts'
import { pluginOption } from '../plugins/plugin-option.ts'
import type { Common } from './context.ts'
import { dtypeOption, stateOption } from './options.ts'
import { byteCount } from '../commands/byte-option.ts'

// What the verbs take. What they do is loaded when it is asked for: help needs none of it.

export interface CreateFlags extends Common {
  readonly from?: string
  readonly config?: string
  readonly seed?: number
  readonly tableInit?: TableInit
  readonly set?: readonly string[]
  readonly rows?: number
  readonly layers?: number
  readonly width?: number
  readonly dtype: RowDtype
  readonly state: RowState
  readonly verify: boolean
}

const collect = (value: string, previous: readonly string[] = []): string[] => [...previous, value]

export function createVerb(): Command {
  return new Command('create')
    .description('make a table: of zeros, with the tables of a model folder, or as training would begin it')
    .argument('<url>', 'where, as in file:./rows')
    .option('--from <model>', 'a model folder with tables among its weights')
    .option(
      '--config <config>',
      "a run's YAML or JSON file, a model folder or its config.json: new rows for that model",
    )
    .option('--seed <n>', "with --config: seed of the rows (default: the config's, else 0)", wholeNumber(0))
    .addOption(tableInitOption("with --config: how rows begin (default: the config's)"))
    .option('--set <key=value>', 'with --config: lay a value over the config of a run; may be repeated', collect)
    .option('--rows <n>', 'of a table of zeros: number of rows', wholeNumber(1))
    .option('--layers <n>', 'of a table of zeros: layers of a row', wholeNumber(1))
    .option('--width <n>', 'of a table of zeros: values of a layer', wholeNumber(1))
    .addOption(dtypeOption().default('f32'))
    .addOption(stateOption().default('none'))
    .option('--no-verify', 'do not read the rows back')
    .addOption(pluginOption())
    .option('--json', 'print one JSON object')
    .action(async (url: string, flags: CreateFlags) => {
      const { createTable } = await import('./create.ts')
      await createTable(url, flags)
    })
}

export interface SnapshotFlags extends Common {
  readonly note?: string
  readonly list?: boolean
  readonly drop?: number
}

export function infoVerb(): Command {
  return new Command('info')
    .description('say what a table is: rows, layout, versions')
    .argument('<url>', 'the table, as in file:./rows')
    .addOption(pluginOption())
    .option('--json', 'print one JSON object')
    .action(async (url: string, flags: Common) => {
      const { showTable } = await import('./look.ts')
      await showTable(url, flags)
    })
}

export function verifyVerb(): Command {
  return new Command('verify')
    .description('read every row of a table and check it')
    .argument('<url>', 'the table')
    .addOption(pluginOption())
    .option('--json', 'print one JSON object: { ok, rows, damaged }')
    .action(async (url: string, options: Common) => {
      const { checkTable } = await import('./look.ts')
      await checkTable(url, options)
    })
}

export function snapshotVerb(): Command {
  return new Command('snapshot')
    .description('keep the table as it is as a version, list versions, or let one go')
    .argument('<url>', 'the table')
    .option('--note <text>', 'what to write beside the version')
    .option('--list', 'list the versions and make none')
    .option('--drop <version>', 'let a kept version go and make none', number)
    .addOption(pluginOption())
    .option('--json', 'print one JSON object: { version, versions }')
    .action(async (url: string, flags: SnapshotFlags) => {
      const { keepVersion } = await import('./look.ts')
      await keepVersion(url, flags)
    })
}

export interface CopyFlags extends Common {
  readonly dtype?: RowDtype
  readonly state?: RowState
  readonly verify: boolean
}

export function copyVerb(): Command {
  return new Command('copy')
    .description('copy a table to another place, or into another dtype; one that was cut short goes on')
    .argument('<from>', 'the table')
    .argument('<to>', 'where the copy goes')
    .addOption(dtypeOption())
    .addOption(stateOption())
    .option('--no-verify', 'do not read the copy back')
    .addOption(pluginOption())
    .option('--json', 'print one JSON object')
    .action(async (from: string, to: string, flags: CopyFlags) => {
      const { copyRows } = await import('./copy.ts')
      await copyRows(from, to, flags)
    })
}

export interface BenchFlags extends Common {
  readonly batch?: number
  readonly seconds: number
  readonly seed: number
  readonly text?: readonly string[]
  readonly tokenizer?: string
  readonly budget?: number
  readonly write?: true | string
}

/** About as many different tokens as a batch of 4 x 256 has. */
export const BATCH = 370

function positive(value: string): number {
  const parsed = number(value)
  if (!(parsed > 0 && Number.isFinite(parsed))) throw new InvalidArgumentError('It must be a number above 0.')
  return parsed
}

export function benchVerb(): Command {
  return new Command('bench')
    .description('measure how fast a table is read, and written with --write; changes nothing of it')
    .argument('<url>', 'the table')
    .option(
      '--batch <rows>',
      `different rows of a batch (default: ${BATCH}, or all of a smaller table)`,
      wholeNumber(1),
    )
    .option('--seconds <n>', 'how long each kind of work is measured', positive, 3)
    .option('--text <path...>', 'draw rows as the tokens of this text come (default: by the law of Zipf)')
    .option('--tokenizer <path>', 'with --text: tokenizer.json or its folder')
    .option('--budget <bytes>', 'measure a cache of this size over the table as well, as in 512MiB', byteCount)
    .option(
      '--write [url]',
      'measure writing as well: to a scratch table beside it, removed after, or a new one at a URL',
    )
    .option('--seed <n>', 'seed of what is drawn', wholeNumber(0), 0)
    .addOption(pluginOption())
    .option('--json', 'print one JSON object')
    .action(async (url: string, flags: BenchFlags) => {
      const { measureTable } = await import('./bench.ts')
      await measureTable(url, flags)
    })
}
