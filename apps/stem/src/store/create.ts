import { TABLE_INITS, type TableInit } from '@stemkit/model'
import { StemkitError } from '@stemkit/spec/errors'
import { buildRowTable, recordBytes, type RowDtype, type RowLayout, type RowState } from '@stemkit/store'
import { Command, Option } from 'commander'
import { wholeNumber } from '../commands/number-option.ts'
import { pluginOption } from '../plugins/plugin-option.ts'
import { withContext, type Common, type Context } from './context.ts'
import { makeTable } from './make-table.ts'
import { dtypeOption, stateOption } from './options.ts'
import { printTable } from './print-table.ts'
import { rowsOfConfig } from './rows-of-config.ts'
import { rowsOfModel } from './rows-of-model.ts'
import { zeros, type NewRows } from './new-rows.ts'

interface CreateFlags extends Common {
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
    .addOption(
      new Option('--table-init <name>', "with --config: how rows begin (default: the config's)").choices(TABLE_INITS),
    )
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
      checkFlags(flags)
      await withContext(flags, async (context) => {
        const { dtype, state, verify } = flags
        const source = await sourceOf(flags, context)
        try {
          const { rows, layers, width } = source
          const layout: RowLayout = { layers, width, dtype, state }
          const { table, resumedRows } = await makeTable(context, {
            url,
            geometry: { rows, rowBytes: recordBytes(layout) },
            what: 'making rows',
            make: (driver, building) =>
              buildRowTable({
                driver,
                layout,
                rows,
                source: source.name,
                fill: (ids, into) => source.encode(layout, ids, into),
                verify,
                ...building,
              }),
          })
          try {
            await printTable(table, url, { json: flags.json, resumedRows })
          } finally {
            await table.dispose()
          }
        } finally {
          await source.dispose()
        }
      })
    })
}

const collect = (value: string, previous: readonly string[] = []): string[] => [...previous, value]

function checkFlags({ from, config, rows, layers, width, seed, tableInit, set }: CreateFlags): void {
  const shape = [rows, layers, width].filter((each) => each !== undefined)
  const ways = [from !== undefined, config !== undefined, shape.length > 0].filter(Boolean)
  if (ways.length !== 1 || (shape.length > 0 && shape.length < 3)) {
    throw new StemkitError(
      'bad-input',
      'store create: give --rows, --layers and --width, or --from a model folder, or --config',
    )
  }
  if (config === undefined && (seed !== undefined || tableInit !== undefined || set !== undefined)) {
    throw new StemkitError('bad-input', 'store create: --seed, --table-init and --set go with --config')
  }
}

async function sourceOf(flags: CreateFlags, context: Context): Promise<NewRows> {
  const { from, config, rows = 0, layers = 0, width = 0 } = flags
  if (from !== undefined) return rowsOfModel(from, context.signal)
  if (config !== undefined) return rowsOfConfig(config, flags, context)
  return zeros({ rows, layers, width })
}
