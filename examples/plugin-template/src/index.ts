import { randomUUID } from 'node:crypto'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { deserialize, serialize } from 'node:v8'
import { definePlugin } from '@stemkit/plugin'
import { StemkitError } from '@stemkit/spec/errors'
import { checkMetaName, checkRows, rowCalls } from '@stemkit/spec/row-calls'
import type { Meta, OpenRows, RowDriver } from '@stemkit/spec/row-driver'

/** Opens `ram:./rows.bin`: rows that live in memory, all of which each flush writes to the file. */
export const openRam: OpenRows = async (url, { create } = {}) => {
  const path = url.slice('ram:'.length)
  const file = await readFile(path).catch(() => undefined)
  if (create && file) throw new StemkitError('conflict', `ram: ${path} is there already; open it, or remove it first`)
  if (!create && !file) throw new StemkitError('not-found', `ram: there is no ${path}; correct the path, or create it`)
  const table: { bytes: Uint8Array; rowBytes: number; metas: Map<string, Meta> } = create
    ? { bytes: new Uint8Array(create.rows * create.rowBytes), rowBytes: create.rowBytes, metas: new Map() }
    : deserialize(file!)
  const { bytes, rowBytes, metas } = table
  const row = (i: number, of = bytes) => of.subarray(i * rowBytes, (i + 1) * rowBytes)
  const save = () => writeFile(`${path}.new`, serialize(table)).then(() => rename(`${path}.new`, path))
  const calls = rowCalls() // Calls that touch the same rows or name wait for each other; heeds abort and dispose.
  const onMeta = <T>(name: string, work: () => T, signal?: AbortSignal) =>
    calls.run({ name }, () => (checkMetaName(name), work()), signal)

  const driver: RowDriver = {
    rows: bytes.length / rowBytes,
    rowBytes,
    durability: 'process', // A flush that has resolved outlives the process, not a loss of power.
    async read(ids, into, { signal } = {}) {
      checkRows(driver, ids, into)
      await calls.run({ read: ids }, () => ids.forEach((id, i) => row(i, into).set(row(id))), signal)
    },
    async write(ids, from, { signal } = {}) {
      checkRows(driver, ids, from)
      await calls.run({ write: ids }, () => ids.forEach((id, i) => row(id).set(row(i, from))), signal)
    },
    meta: {
      get: (name, { signal } = {}) => onMeta(name, () => structuredClone(metas.get(name)), signal),
      async put(name, value, { signal, ifVersion } = {}) {
        const meta: Meta = { bytes: value.slice(), version: randomUUID() }
        const put = () => {
          const now = metas.get(name)?.version ?? null
          if (ifVersion !== undefined && ifVersion !== now)
            throw new StemkitError('conflict', `ram: ${name} has changed`)
          metas.set(name, meta)
        }
        return onMeta(name, put, signal).then(() => meta.version)
      },
      remove: (name, { signal } = {}) => onMeta(name, () => void metas.delete(name), signal),
    },
    flush: ({ signal } = {}) => calls.run({ all: 'before' }, save, signal),
    dispose: () => calls.end(),
  }
  return driver
}

export default definePlugin({ name: 'ram', drivers: { ram: openRam } })
