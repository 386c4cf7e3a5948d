import { copyTable, openRowTable, recordBytes } from '@stemkit/store'
import type { RowDriver } from '@stemkit/spec/row-driver'
import { openRows } from './open-rows.ts'

export interface CopyOnce {
  /** The number of the call of a driver that made it a table. */
  readonly rootCall: number
  readonly resumedRows: number
}

/** Copies a table between two URLs in small pieces. `onCall` is told of each call of a driver before it does anything. */
export async function copyOnce(from: string, to: string, onCall: (call: number) => void = () => {}): Promise<CopyOnce> {
  let [calls, rootCall, resumedRows] = [0, 0, 0]
  const counted = (driver: RowDriver): RowDriver => {
    const count =
      <A extends unknown[], R>(work: (...args: A) => Promise<R>) =>
      async (...args: A): Promise<R> => {
        calls++
        if (args[0] === 'root' && rootCall === 0) rootCall = calls
        onCall(calls)
        return work(...args)
      }
    const { meta } = driver
    return {
      ...driver,
      get rows() {
        return driver.rows
      },
      read: count(driver.read),
      ...(driver.write && { write: count(driver.write) }),
      ...(driver.resize && { resize: count(driver.resize) }),
      ...(driver.flush && { flush: count(driver.flush) }),
      ...(meta && { meta: { ...meta, ...(meta.put && { put: count(meta.put) }) } }),
    }
  }
  const source = await openRowTable({ driver: counted(await openRows(from, { readOnly: true })), mode: 'read' })
  const found = await openRows(to).catch(() => undefined)
  const rowBytes = recordBytes(source.layout)
  const driver = found ?? (await openRows(to, { create: { rows: source.rows, rowBytes } }))
  const copy = await copyTable({
    from: source,
    to: counted(driver),
    existing: found !== undefined,
    pieceBytes: 24 * 1024,
    checkpointMs: 0,
    onProgress: (progress) => void ({ resumedRows } = progress),
  })
  await copy.dispose()
  await source.dispose()
  return { rootCall, resumedRows }
}
