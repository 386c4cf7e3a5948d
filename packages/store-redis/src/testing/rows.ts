import { StemkitError } from '@stemkit/spec/errors'
import type { RowDriver } from '@stemkit/spec/row-driver'

export type Rows = Required<RowDriver> & { meta: Required<NonNullable<RowDriver['meta']>> }

/** A driver that can do everything. */
export const whole = (driver: RowDriver): Rows => driver as Rows

/** Rows `ids`, every byte of which is `byte`. */
export const filled = (ids: Uint32Array, rowBytes: number, byte: number): Uint8Array =>
  new Uint8Array(ids.length * rowBytes).fill(byte)

export const upTo = (rows: number): Uint32Array => Uint32Array.from({ length: rows }, (_, id) => id)

/** The byte that each row is full of; -1 for a row that is not full of one. */
export async function bytesOf(driver: RowDriver, ids = upTo(driver.rows)): Promise<number[]> {
  const into = new Uint8Array(ids.length * driver.rowBytes)
  await driver.read(ids, into)
  return Array.from(ids, (_, i) => {
    const row = into.subarray(i * driver.rowBytes, (i + 1) * driver.rowBytes)
    return row.every((byte) => byte === row[0]) ? row[0]! : -1
  })
}

/** The error that a call rejects with, after checking that it is one line for people. */
export async function failure(call: Promise<unknown>): Promise<StemkitError> {
  const error = await call.then(
    () => new Error('the call should have failed'),
    (reason: unknown) => reason,
  )
  if (!StemkitError.isInstance(error)) throw error
  if (error.message.includes('\n')) throw new Error(`more than a line: ${error.message}`)
  return error
}
