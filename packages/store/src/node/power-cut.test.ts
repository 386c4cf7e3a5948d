import { StemkitError } from '@stemkit/spec/errors'
import type { RowDriver, RowGeometry } from '@stemkit/spec/row-driver'
import { expect, test } from 'vitest'
import { fileRows } from './file-rows.ts'
import type { FileSystem } from './file-system.ts'
import type { ProcessIdentity, Processes } from '@stemkit/spec/processes'
import { createLedger, findBreach, type Expectation } from './testing/ledger.ts'
import { powerCutDisk, type PowerCutDisk } from './testing/power-cut-disk.ts'
import { seededRandom } from './testing/random.ts'
import { uniqueBytes, useRows } from './testing/use-rows.ts'

const CREATE = { rows: 20, rowBytes: 700 }

/** The one process of a machine that was started for the `boot`th time. */
function onlyProcess(boot: number): Processes {
  const self: ProcessIdentity = { pid: 1, host: 'here', boot: `boot ${boot}`, space: '', start: '1' }
  return { self: () => self, stateOf: (other) => (other.boot === self.boot ? 'alive' : 'dead') }
}

const open = ({ files }: { files: FileSystem }, boot: number, create?: RowGeometry): Promise<RowDriver> =>
  fileRows('/data/rows', { files, processes: onlyProcess(boot), ...(create && { create }) })

interface Tally {
  operations: number
  cuts: number
  readonly breaches: string[]
}

test('power cut at every operation, over 5,000 times: what was promised is there, and goes on working', async () => {
  const tally: Tally = { operations: 0, cuts: 0, breaches: [] }
  for (let seed = 1; seed <= 7; seed++) await useUnderCuts(tally, { seed, steps: 30 })
  expect(tally.breaches).toEqual([])
  expect(tally.operations).toBeGreaterThan(1_250)
  expect(tally.cuts).toBeGreaterThan(5_000)
})

const forgetful: Record<string, (files: FileSystem) => FileSystem> = {
  'flushes no file': (files) => ({
    ...files,
    open: async (path, mode) => ({ ...(await files.open(path, mode)), sync: async () => {} }),
  }),
  'flushes no folder': (files) => ({ ...files, syncFolder: async () => {} }),
  'forgets the file before it is renamed': (files) => ({
    ...files,
    open: async (path, mode) => ({
      ...(await files.open(path, mode)),
      ...(mode === 'new' && { sync: async () => {} }),
    }),
  }),
}
for (const [name, forget] of Object.entries(forgetful)) {
  test(`the same power cuts find out a file system that ${name}`, async () => {
    const tally: Tally = { operations: 0, cuts: 0, breaches: [] }
    await useUnderCuts(tally, { seed: 1, steps: 10, through: forget })
    expect(tally.breaches).not.toEqual([])
  })
}

interface Use {
  readonly seed: number
  readonly steps: number
  readonly through?: (files: FileSystem) => FileSystem
}

/** A user's work; after each operation of the file system, what a power cut may leave then is opened. */
async function useUnderCuts(tally: Tally, { seed, steps, through = (files) => files }: Use): Promise<void> {
  const random = seededRandom(seed)
  const ledger = createLedger(CREATE.rows, CREATE.rowBytes)
  let created = false
  const disk: PowerCutDisk = powerCutDisk({
    random,
    async onOperation(name) {
      tally.operations++
      const [expected, wasCreated] = [ledger.expectation(), created]
      const cuts = (['none', 'all', 'some', 'some'] as const).map((kept) => ({ kept, left: disk.cut(kept) }))
      for (const { kept, left } of cuts) {
        tally.cuts++
        const further = kept === 'some' && random() < 0.2
        const breach = await check(left, { expected, created: wasCreated, further, random }).catch(String)
        if (breach)
          tally.breaches.push(`seed ${seed}, operation ${tally.operations} (${name}), ${kept} kept: ${breach}`)
      }
    },
  })
  const driver = await open({ files: through(disk.files) }, 1, CREATE)
  created = true
  const lock = await driver.lock!()
  await useRows(driver, ledger, random, steps)
  await lock.release()
  await driver.dispose()
}

interface Check {
  readonly expected: Expectation
  readonly created: boolean
  /** Whether to use them too. */
  readonly further: boolean
  readonly random: () => number
}

async function check(left: PowerCutDisk, { expected, created, further, random }: Check): Promise<string | undefined> {
  const driver = await reopen(left, created)
  try {
    return (await findBreach(driver, expected)) ?? (further ? await goOn(left, driver, random) : undefined)
  } finally {
    await driver.dispose()
  }
}

/** Rows whose making did not resolve may be absent; they can be made then. */
async function reopen(left: PowerCutDisk, created: boolean): Promise<RowDriver> {
  try {
    return await open(left, 2)
  } catch (error) {
    const absent = StemkitError.isInstance(error) && error.code === 'not-found'
    if (created || !absent) throw error
    return open(left, 2, CREATE)
  }
}

/** All that a user does works on what the cut left, and outlives the next. */
async function goOn(left: PowerCutDisk, driver: RowDriver, random: () => number): Promise<string | undefined> {
  await driver.lock!()
  await driver.resize!(driver.rows + 2)
  const ledger = createLedger(driver.rows, driver.rowBytes)
  const ids = Uint32Array.from({ length: driver.rows }, (_, id) => id)
  const from = uniqueBytes(ids.length * driver.rowBytes, random)
  ledger.wrote(ids, from)
  const flushed = ledger.flushCalled()
  await driver.write!(ids, from)
  await driver.flush!()
  flushed()
  const put = ledger.metaCalled('meta-0', 'after the cut')
  await driver.meta!.put!('meta-0', new TextEncoder().encode('after the cut'))
  put('done')
  const again = await open(left.cut('none'), 3)
  try {
    return await findBreach(again, ledger.expectation())
  } finally {
    await again.dispose()
  }
}
