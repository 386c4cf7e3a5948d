import { StemkitError } from '@stemkit/spec/errors'
import { expect, test } from 'vitest'
import { recordNames } from './records.ts'
import { readRoot } from './root.ts'
import type { RowTable } from './row-table.ts'
import type { CrashMedium } from './testing/crash-rows.ts'
import { blockFor, contentOf, newMedium, newTable, readRows, reopen, rowBytes, seeded } from './testing/tables.ts'

const ROWS = 9
const HISTORIES = 30
const STEPS = 14
/** States tried at every moment. */
const STATES = 3

/** All rows, and those of the overlays. */
interface State {
  readonly rows: Uint8Array
  readonly overlays: ReadonlyMap<string, { readonly ids: number[]; readonly rows: Uint8Array }>
}

/** What may be found after a crash, as somebody knows who saw which calls had resolved. */
interface Promised {
  /** The last version that was promised. Undefined: not even the table. */
  readonly version: number | undefined
  /** What the versions hold. */
  readonly known: ReadonlyMap<number, State>
  /** Versions that must be there besides. */
  readonly kept: ReadonlySet<number>
  /** What the version in the making would hold, if one is. */
  readonly making: State | undefined
}

interface Crash {
  readonly medium: CrashMedium
  readonly promised: Promised
  readonly seed: number
}

/**
 * Writes, snapshots, drops, overlays and reopenings at random, recording a crash at every call of the driver. Everything
 * the table says on the way is compared with the model.
 */
async function live(medium: CrashMedium, from: Promised, random: () => number, steps: number): Promise<Crash[]> {
  const crashes: Crash[] = []
  let promised = from
  medium.onCall = (call) => {
    // What others leave is the same as after the last call that changed something.
    if (!/^after (write|resize|put|remove|flush)/.test(call)) return
    for (let i = 0; i < STATES; i++) {
      crashes.push({ medium: medium.crash(random), promised, seed: Math.floor(random() * 2 ** 31) })
    }
  }
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)]!
  const some = (): number[] => {
    const share = random() * 0.6
    const ids = Array.from({ length: ROWS }, (_, id) => id).filter(() => random() < share)
    return ids.length > 0 ? ids : [0]
  }
  let salt = Math.floor(random() * 1000)

  const start: State = { rows: blockFor(Array(ROWS).keys(), 0), overlays: new Map() }
  let table: RowTable
  if (promised.version === undefined) {
    promised = { ...promised, making: start }
    table = await newTable(medium, ROWS)
    promised = { version: 1, known: new Map([[1, start]]), kept: new Set(), making: undefined }
  } else {
    table = await reopen(medium, 'write')
  }
  let now = promised.known.get(table.version)!
  let isDirty = false

  /** A version comes to be while `work` runs; until then both it and the one before may be found. */
  const making = async (state: State, keep: boolean, work: () => Promise<unknown>): Promise<void> => {
    const staying = new Set([...promised.kept].filter((version) => version <= table.version))
    promised = { ...promised, making: state, kept: staying }
    await work()
    promised = {
      version: table.version,
      known: new Map([...promised.known, [table.version, state]]),
      kept: keep ? new Set([...staying, table.version]) : staying,
      making: undefined,
    }
    now = state
    isDirty = false
  }

  for (let step = 0; step < steps; step++) {
    const dice = random()
    if (dice < 0.45) {
      const ids = some()
      const block = blockFor(ids, ++salt)
      const rows = now.rows.slice()
      for (const [i, id] of ids.entries()) rows.set(block.subarray(i * rowBytes, (i + 1) * rowBytes), id * rowBytes)
      now = { ...now, rows }
      isDirty = true
      const written = table.write(Uint32Array.from(ids), block)
      if (random() < 0.5) await written
      else await making(now, false, () => Promise.all([written, table.snapshot()]))
    } else if (dice < 0.7) {
      const keep = random() < 0.4
      if (keep || isDirty) await making(now, keep, () => table.snapshot({ keep }))
    } else if (dice < 0.78 && promised.kept.size > 0) {
      const version = pick([...promised.kept])
      promised = { ...promised, kept: new Set([...promised.kept].filter((other) => other !== version)) }
      await table.drop(version)
    } else if (dice < 0.88) {
      await table.dispose()
      const version = random() < 0.5 ? undefined : pick([promised.version!, ...promised.kept])
      table = await reopen(medium, 'write', version === undefined ? {} : { version })
      if (version === undefined) expect(table.version).toBe(promised.version)
      now = promised.known.get(table.version)!
      isDirty = false
    } else if (!isDirty) {
      const overlays = new Map(now.overlays)
      const name = `overlay-${++salt}`
      const gone = overlays.size > 0 && random() < 0.5 ? pick([...overlays.keys()]) : undefined
      const ids = some()
      const rows = blockFor(ids, salt)
      if (gone !== undefined) overlays.delete(gone)
      else overlays.set(name, { ids, rows })
      await making({ ...now, overlays }, false, () =>
        gone === undefined ? table.addOverlay(name, Uint32Array.from(ids), rows) : table.removeOverlay(gone),
      )
    }
    if (random() < 0.3) await expectState(table, now)
  }
  await expectState(table, now)
  await table.dispose()
  medium.onCall = undefined
  return crashes
}

async function expectState(table: RowTable, state: State): Promise<void> {
  expect(await contentOf(table)).toBe(Buffer.from(state.rows).toString('hex'))
  expect(table.overlays.map(({ name }) => name)).toEqual([...state.overlays.keys()])
  for (const [name, { ids, rows }] of state.overlays) {
    const found = await table.overlayKeys(name)
    expect([...found.ids]).toEqual(ids)
    expect(await readRows(table, found.keys)).toEqual(rows)
  }
}

/** Opens what a crash left, which is the state of a version and no record beyond; returns what is promised from there on. */
async function recover({ medium, promised }: Crash): Promise<Promised> {
  const table = await reopen(medium, 'write').catch((error: unknown) => {
    if (promised.version === undefined && StemkitError.isInstance(error) && error.code === 'not-found') return undefined
    throw error
  })
  if (table === undefined) return promised
  const known = new Map(promised.known)
  if (table.version > (promised.version ?? 0)) {
    expect(promised.making).toBeDefined()
    known.set(table.version, promised.making!)
  } else {
    expect(table.version).toBe(promised.version)
  }
  await expectState(table, known.get(table.version)!)
  const { root } = await readRoot(medium.open(), {})
  const journal = [...medium.bytes.metas.keys()].filter((name) => name.startsWith('journal'))
  expect(journal.toSorted()).toEqual(root.records.flatMap(recordNames).toSorted())
  const versions = (await table.versions()).map(({ version }) => version)
  expect(versions).toEqual(expect.arrayContaining([...promised.kept]))
  for (const version of versions) {
    const reader = await reopen(medium, 'read', { version })
    await expectState(reader, known.get(version)!)
    await reader.dispose()
  }
  await table.dispose()
  const kept = new Set((await table.versions()).filter((each) => each.kept).map(({ version }) => version))
  return { version: table.version, known, kept, making: undefined }
}

test('a crash at any call of the driver leaves the last snapshot or a newer one, whole, and life goes on', async () => {
  let crashes = 0
  let again = 0
  for (let seed = 1; seed <= HISTORIES; seed++) {
    const nothing = { version: undefined, known: new Map(), kept: new Set<number>(), making: undefined }
    for (const crash of await live(newMedium(ROWS), nothing, seeded(seed), STEPS)) {
      crashes++
      const promised = await recover(crash)
      if (crash.seed % 16 > 0) continue
      for (const next of await live(crash.medium, promised, seeded(crash.seed), 3)) {
        if (next.seed % 8 > 0) continue
        again++
        await recover(next)
      }
    }
  }
  expect(crashes).toBeGreaterThan(4000)
  expect(again).toBeGreaterThan(1000)
})
