import type { RowDriver } from '@stemkit/spec/row-driver'

/** What rows in files must hold after a loss of power, as far as their user was promised anything. */
export interface Expectation {
  /** May be more if a resize was under way. */
  readonly rows: readonly number[]
  /** Of each row what it may hold: the newest version that was flushed, and all written since. Torn only if there are several. */
  readonly versions: readonly (readonly Uint8Array[])[]
  /** Of each name the values that it may have. */
  readonly metas: ReadonlyMap<string, readonly (string | undefined)[]>
}

/** Keeps track of what a user calls, and of what has been promised by what resolved. */
export function createLedger(initialRows: number, rowBytes: number) {
  const zeros = new Uint8Array(rowBytes)
  const versions: Uint8Array[][] = Array.from({ length: initialRows }, () => [zeros])
  const metas = new Map<string, (string | undefined)[]>()
  let rows = [initialRows]

  return {
    wrote(ids: Uint32Array, from: Uint8Array): void {
      ids.forEach((id, i) => versions[id]!.push(from.slice(i * rowBytes, (i + 1) * rowBytes)))
    },
    /** Call the result once the flush has resolved. */
    flushCalled(): () => void {
      const before = versions.map((list) => list.at(-1)!)
      // A later flush may have resolved first, and left nothing to do here.
      return () => before.forEach((last, id) => versions[id]!.splice(0, Math.max(0, versions[id]!.indexOf(last))))
    },
    /** Call the result once the put or removal has resolved, or been refused. */
    metaCalled(name: string, value: string | undefined): (outcome: 'done' | 'refused') => void {
      const list = metas.get(name) ?? [undefined]
      metas.set(name, list)
      list.push(value)
      return (outcome) => {
        const at = list.indexOf(value)
        if (outcome === 'done') list.splice(0, at)
        else list.splice(at, 1)
      }
    },
    resizeCalled(wanted: number): () => void {
      rows.push(wanted)
      return () => {
        rows = rows.slice(rows.indexOf(wanted))
        while (versions.length < wanted) versions.push([zeros])
      }
    },
    expectation: (): Expectation => ({
      rows: [...rows],
      versions: versions.map((list) => [...list]),
      metas: new Map([...metas].map(([name, list]) => [name, [...list]])),
    }),
  }
}

/** Names the first breach of a promise; undefined if there is none. */
export async function findBreach(driver: RowDriver, expected: Expectation): Promise<string | undefined> {
  if (!expected.rows.includes(driver.rows)) return `${driver.rows} rows, not ${expected.rows.join(' or ')}`
  const into = new Uint8Array(driver.rows * driver.rowBytes)
  await driver.read(
    Uint32Array.from({ length: driver.rows }, (_, id) => id),
    into,
  )
  for (let id = 0; id < driver.rows; id++) {
    const row = into.subarray(id * driver.rowBytes, (id + 1) * driver.rowBytes)
    const allowed = expected.versions[id] ?? [new Uint8Array(driver.rowBytes)]
    if (allowed.some((version) => Buffer.compare(row, version) === 0)) continue
    const strange = row.findIndex((byte, at) => !allowed.some((version) => version[at] === byte))
    if (strange >= 0) return `row ${id}, byte ${strange}: of none of the ${allowed.length} versions that it may have`
  }
  for (const [name, allowed] of expected.metas) {
    const meta = await driver.meta!.get(name)
    const value = meta && new TextDecoder().decode(meta.bytes)
    if (!allowed.includes(value)) return `meta ${name} is ${value}, not ${allowed.join(' or ')}`
  }
  return undefined
}
