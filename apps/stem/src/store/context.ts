import { openRowTable, type RowTable } from '@stemkit/store'
import { openPlugins, type Extensions } from '../plugins/open-plugins.ts'
import { signalOfProcess } from '../terminal/exit.ts'
import { statusLine } from '../terminal/progress.ts'

/** What every verb may be told. */
export interface Common {
  readonly plugin?: readonly string[]
  readonly json?: boolean
}

/** What a verb works with. */
export interface Context {
  readonly open: Extensions['drivers']['open']
  readonly custom: Extensions['feedForwards']
  readonly signal: AbortSignal
  /** Replaces the line of progress on a terminal. */
  readonly show: (text: string) => void
}

/** Runs a verb with drivers of plugins, Ctrl-C and a line of progress. */
export async function withContext<T>({ plugin }: Common, work: (context: Context) => Promise<T>): Promise<T> {
  const signal = signalOfProcess()
  const { drivers, feedForwards: custom } = await openPlugins(plugin, { signal })
  const status = statusLine()
  try {
    return await work({ open: drivers.open, custom, signal, show: status.show })
  } finally {
    status.clear()
  }
}

/** The same over a table that is read. */
export async function withTable(
  url: string,
  options: Common,
  work: (table: RowTable, context: Context) => Promise<void>,
): Promise<void> {
  await withContext(options, async (context) => {
    const { open, signal } = context
    const driver = await open(url, { readOnly: true, signal })
    const table = await openRowTable({ driver, mode: 'read', signal }).catch(async (error: unknown) => {
      await driver.dispose()
      throw error
    })
    try {
      await work(table, context)
    } finally {
      await table.dispose()
    }
  })
}
