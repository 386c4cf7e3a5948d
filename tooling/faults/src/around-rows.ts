import type { RowDriver } from '@stemkit/spec/row-driver'

/** Calls that change what a medium holds, or make it durable. */
export const CALLS = ['lock', 'write', 'resize', 'flush', 'put', 'remove'] as const
export type Call = (typeof CALLS)[number]

/** Stands around such a call. */
export type Around = <T>(call: Call, work: () => Promise<T>) => Promise<T>

/** A driver whose changes go through `around`; reads do not. */
export function aroundRows(driver: RowDriver, around: Around): RowDriver {
  const { write, resize, lock, flush, meta } = driver
  if (!write || !resize || !lock || !flush || !meta?.put || !meta.remove) throw new Error('a driver that cannot do all')
  const { get, put, remove } = meta
  return {
    get rows() {
      return driver.rows
    },
    rowBytes: driver.rowBytes,
    durability: driver.durability,
    read: (ids, into, options) => driver.read(ids, into, options),
    write: (ids, from, options) => around('write', () => write.call(driver, ids, from, options)),
    resize: (rows, options) => around('resize', () => resize.call(driver, rows, options)),
    lock: (options) => around('lock', () => lock.call(driver, options)),
    flush: (options) => around('flush', () => flush.call(driver, options)),
    meta: {
      get: (name, options) => get.call(meta, name, options),
      put: (name, bytes, options) => around('put', () => put.call(meta, name, bytes, options)),
      remove: (name, options) => around('remove', () => remove.call(meta, name, options)),
    },
    dispose: () => driver.dispose(),
  }
}
