import { isDeepStrictEqual } from 'node:util'
import { StemkitError } from '@stemkit/spec/errors'
import { createRowStore, createRowTable, openRowTable, type RowStore, type RowTable } from '@stemkit/store'
import { BUDGET, fillRows, LAYOUT, newState, ROWS, stepsOf, type State } from './history.ts'
import { openRows } from './open-rows.ts'
import type { Promised } from './promised.ts'
import { takeStep } from './take-step.ts'

const ALL = Uint32Array.from({ length: ROWS }, (_, id) => id)
/** Steps that are taken after a kill, by a new writer: other ones than before it. */
const LATER = { seed: 77, steps: 8 }

/** Somebody who was reading a version while the writer was killed. */
export interface Reader {
  readonly table: RowTable
  readonly state: State
}

/** Opens the newest version to read it. */
export async function openReader(url: string, { known }: Promised): Promise<Reader> {
  const table = await openRowTable({ driver: await openRows(url), mode: 'read' })
  return { table, state: known.get(table.version)! }
}

/**
 * Looks at what a killed writer has left, and goes on with it.
 * @throws Error naming the first promise that was not kept
 */
export async function judge(url: string, promised: Promised, readers: readonly Reader[]): Promise<void> {
  const driver = await openRows(url)
  let table: RowTable
  try {
    // The dead one's lock is free at once.
    table = await openRowTable({ driver, mode: 'write' })
  } catch (error) {
    // Before the table was promised there may be none; then one can be made.
    const absent = StemkitError.isInstance(error) && error.code === 'not-found'
    if (!absent || promised.version !== undefined) throw error
    const fill = (ids: Uint32Array, into: Uint8Array): void => fillRows(newState(), ids, floatsOf(into))
    table = await createRowTable({ driver, layout: LAYOUT, rows: ROWS, fill })
  }
  const known = new Map(promised.known)
  if (table.version > (promised.version ?? 0)) {
    if (promised.making === undefined) throw new Error(`version ${table.version} is there, which nobody made`)
    known.set(table.version, promised.making)
  } else if (table.version !== promised.version) {
    throw new Error(`version ${promised.version} was promised, the newest is ${table.version}`)
  }
  await expectState(table, known.get(table.version)!, `version ${table.version}`)
  await expectVersions(url, table, known, promised.kept)
  await expectReaders(readers)

  const store = createRowStore({ table, budget: BUDGET })
  const state = await goOn(store, table, known.get(table.version)!)
  await expectReaders(readers)
  await expectVersions(url, table, known, promised.kept)
  const { version } = table
  await store.dispose()
  const again = await openRowTable({ driver: await openRows(url), mode: 'read' })
  if (again.version !== version)
    throw new Error(`version ${version} was made after the kill, ${again.version} is there`)
  await expectState(again, state, `version ${version}, made after the kill,`)
  await again.dispose()
}

/** Takes some steps as a new writer, and a snapshot. */
async function goOn(store: RowStore, table: RowTable, from: State): Promise<State> {
  let state = from
  for (const step of stepsOf(LATER.seed, LATER.steps)) {
    if (step.kind !== 'drop') state = await takeStep(store, table, step, state)
  }
  await store.snapshot()
  return state
}

/** Every version that was kept is there, and every one that is there can be opened and holds what it held. */
async function expectVersions(
  url: string,
  table: RowTable,
  known: ReadonlyMap<number, State>,
  kept: ReadonlySet<number>,
): Promise<void> {
  const there = (await table.versions()).map(({ version }) => version)
  const missing = [...kept].filter((version) => !there.includes(version))
  if (missing.length > 0) throw new Error(`kept versions ${missing.join(', ')} are gone`)
  for (const version of there.filter((each) => known.has(each))) {
    const reader = await openRowTable({ driver: await openRows(url), mode: 'read', version })
    await expectState(reader, known.get(version)!, `kept version ${version}`)
    await reader.dispose()
  }
}

async function expectReaders(readers: readonly Reader[]): Promise<void> {
  for (const { table, state } of readers) await expectState(table, state, `pinned version ${table.version}`)
}

/** Reading checks every row's checksum, too. */
async function expectState(table: RowTable, state: State, what: string): Promise<void> {
  const found = new Uint8Array(ROWS * table.rowBytes)
  await table.read(ALL, found)
  const expected = new Float32Array(found.length / 4)
  fillRows(state, ALL, expected)
  if (isDeepStrictEqual(floatsOf(found), expected)) return
  const size = table.rowBytes / 4
  const at = floatsOf(found).findIndex((number, i) => number !== expected[i])
  throw new Error(`${what}: row ${Math.floor(at / size)} is wrong from its number ${at % size} on`)
}

const floatsOf = (bytes: Uint8Array): Float32Array =>
  new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4)
