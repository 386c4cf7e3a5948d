import { StemkitError } from '@stemkit/spec/errors'
import { buildRowTable, recordBytes, type RowLayout } from '@stemkit/store'
import { withContext, type Context } from './context.ts'
import { makeTable } from './make-table.ts'
import { printTable } from './print-table.ts'
import { rowsOfConfig } from './rows-of-config.ts'
import { rowsOfModel } from './rows-of-model.ts'
import { zeros, type NewRows } from './new-rows.ts'
import type { CreateFlags } from './verbs.ts'

/** Makes a table and prints what it is. */
export async function createTable(url: string, flags: CreateFlags): Promise<void> {
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
}

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
