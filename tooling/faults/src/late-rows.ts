import type { RowDriver } from '@stemkit/spec/row-driver'

/** Breaks a driver: rows are written when it is closed, and whoever waits for a flush is told a lie. Kills must find it out. */
export function lateRows(driver: RowDriver): RowDriver {
  const { rowBytes } = driver
  const kept = new Map<number, Uint8Array>()
  const late: RowDriver = Object.create(driver)
  return Object.assign(late, {
    async read(ids: Uint32Array, into: Uint8Array): Promise<void> {
      await driver.read(ids, into)
      ids.forEach((id, i) => into.set(kept.get(id) ?? into.subarray(i * rowBytes, (i + 1) * rowBytes), i * rowBytes))
    },
    async write(ids: Uint32Array, from: Uint8Array): Promise<void> {
      ids.forEach((id, i) => kept.set(id, from.slice(i * rowBytes, (i + 1) * rowBytes)))
    },
    async dispose(): Promise<void> {
      for (const [id, row] of kept) await driver.write!(Uint32Array.of(id), row)
      kept.clear()
      await driver.dispose()
    },
  })
}
