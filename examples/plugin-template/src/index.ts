import { randomUUID } from 'node:crypto'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { deserialize, serialize } from 'node:v8'
import { definePlugin } from '@stemkit/plugin'
import { StemkitError } from '@stemkit/spec/errors'
import { checkMetaName, checkRows, rowCalls } from '@stemkit/spec/row-calls'
import type { Meta, OpenRows } from '@stemkit/spec/row-driver'

/** Opens `ram:./rows.bin`: rows that live in memory, all of which each flush writes to the file. */
export const openRam: OpenRows = async (url, { create } = {}) => {
  const path = url.slice('ram:'.length)
  const file = await readFile(path).catch(() => undefined)
  if (create && file) throw new StemkitError('conflict', `ram: ${path} is there already; remove it, or open it`)
  if (!create && !file) throw new StemkitError('not-found', `ram: there is no ${path}; correct the path, or create it`)
  const empty = { ...create!, data: new Map<number, Uint8Array>(), metas: new Map<string, Meta>() }
  const table: typeof empty & { rows: number } = create ? empty : deserialize(file!)
  const { rowBytes, data, metas } = table
  const load = (ids: Uint32Array, into: Uint8Array) => {
    checkRows(table, ids, into)
    ids.forEach((id, i) => into.set(data.get(id) ?? new Uint8Array(rowBytes), i * rowBytes))
  }
  const store = (ids: Uint32Array, from: Uint8Array) => {
    checkRows(table, ids, from)
    ids.forEach((id, i) => data.set(id, from.slice(i * rowBytes, (i + 1) * rowBytes)))
  }
  const grow = (rows: number) => {
    if (!(rows >= table.rows && rows % 1 === 0))
      throw new StemkitError('bad-input', `ram: cannot resize to ${rows} rows`)
    table.rows = rows
  }
  const metaOf = (name: string) => (checkMetaName(name), metas.get(name))
  const put = (name: string, value: Uint8Array, over?: string | null) => {
    const [now, version] = [metaOf(name)?.version ?? null, randomUUID()]
    if (![undefined, now].includes(over)) throw new StemkitError('conflict', `ram: ${name} has changed; read it again`)
    metas.set(name, { bytes: value.slice(), version })
    return version
  }
  const save = () => writeFile(`${path}.new`, serialize(table)).then(() => rename(`${path}.new`, path))
  const calls = rowCalls() // Calls that touch the same rows or name wait for each other; heeds abort and dispose.
  return {
    get rows() {
      return table.rows
    },
    rowBytes,
    durability: 'process', // A flush that has resolved outlives the process, not a loss of power.
    read: (ids, into, { signal } = {}) => calls.run({ read: ids }, () => load(ids, into), signal),
    write: (ids, from, { signal } = {}) => calls.run({ write: ids }, () => store(ids, from), signal),
    resize: (rows, { signal } = {}) => calls.run({ all: 'around' }, () => grow(rows), signal),
    meta: {
      get: (name, { signal } = {}) => calls.run({ name }, () => structuredClone(metaOf(name)), signal),
      put: (name, value, { signal, ifVersion } = {}) => calls.run({ name }, () => put(name, value, ifVersion), signal),
      remove: (name, { signal } = {}) => calls.run({ name }, () => void (metaOf(name) && metas.delete(name)), signal),
    },
    flush: ({ signal } = {}) => calls.run({ all: 'before' }, save, signal),
    dispose: () => calls.end(),
  }
}

export default definePlugin({ name: 'ram', drivers: { ram: openRam } })
