import { StemkitError } from '@stemkit/spec/errors'
import type { RowDriver, RowGeometry } from '@stemkit/spec/row-driver'
import type { BuildProgress, BuildTableOptions, RowTable } from '@stemkit/store'
import { Interrupted } from '../terminal/exit.ts'
import { note } from '../terminal/progress.ts'
import type { Context } from './context.ts'
import { transferText } from './transfer-text.ts'

type Building = Required<Pick<BuildTableOptions, 'existing' | 'onRestart' | 'onProgress' | 'signal'>>

export interface MakeTableOptions {
  readonly url: string
  readonly geometry: RowGeometry
  /** Shown beside the progress, as in 'copying'. */
  readonly what: string
  readonly make: (driver: RowDriver, options: Building) => Promise<RowTable>
}

/**
 * Makes a table at a URL, new or begun by an earlier try, and says on stderr where it went on. Where it ends early, the
 * message says that the same command goes on.
 */
export async function makeTable(
  { open, signal, show }: Context,
  { url, geometry, what, make }: MakeTableOptions,
): Promise<{ table: RowTable; resumedRows: number }> {
  const { driver, existing } = await openTarget(open, url, geometry, signal)
  const text = transferText()
  let last: BuildProgress | undefined
  const onProgress = (progress: BuildProgress): void => {
    const { stage, rows, totalRows, resumedRows } = progress
    if (last === undefined && resumedRows > 0) note(`going on at row ${resumedRows} of ${totalRows}`)
    last = progress
    show(text(stage === 'writing' ? what : 'reading back', { rows, totalRows, rowBytes: geometry.rowBytes }))
  }
  const onRestart = (): void => note('the rows there are of another source, or of another version of it: made anew')
  try {
    const table = await make(driver, { existing, onRestart, onProgress, signal })
    return { table, resumedRows: last?.resumedRows ?? 0 }
  } catch (error) {
    await driver.dispose().catch(() => undefined)
    throw withHint(error, signal, last)
  }
}

function withHint(error: unknown, { aborted }: AbortSignal, last: BuildProgress | undefined): unknown {
  if (last === undefined) return error
  const done = last.stage === 'writing' ? last.rows : last.totalRows
  const hint = `${done} of ${last.totalRows} rows are there, the same command goes on`
  if (aborted) return new Interrupted(`stopped: ${hint}`)
  if (!StemkitError.isInstance(error) || error.code !== 'io') return error
  return new StemkitError('io', `${error.message}; ${hint}`, { cause: error })
}

/** New rows, or those that an earlier try made. */
async function openTarget(
  open: Context['open'],
  url: string,
  create: RowGeometry,
  signal: AbortSignal,
): Promise<{ driver: RowDriver; existing: boolean }> {
  try {
    return { driver: await open(url, { create, signal }), existing: false }
  } catch (error) {
    if (!StemkitError.isInstance(error) || error.code !== 'conflict') throw error
    const driver = await open(url, { signal }).catch((other: unknown) => {
      throw StemkitError.isInstance(other) && other.code === 'not-found' ? error : other
    })
    return { driver, existing: true }
  }
}
