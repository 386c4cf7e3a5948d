import { StemkitError } from '@stemkit/spec/errors'
import type { RowDriver, RowGeometry } from '@stemkit/spec/row-driver'
import { expect, test } from 'vitest'
import { fileRows } from '../node/file-rows.ts'
import type { FileSystem } from '../node/file-system.ts'
import type { ProcessIdentity, Processes } from '@stemkit/spec/processes'
import { createLedger, findBreach } from '../node/testing/ledger.ts'
import { powerCutDisk, type PowerCutDisk } from '../node/testing/power-cut-disk.ts'
import { seededRandom } from '../node/testing/random.ts'
import { uniqueBytes, useRows } from '../node/testing/use-rows.ts'
import { layeredRows, type LayeredRows } from './layered-rows.ts'
import { memoryRows } from './memory-rows.ts'
import { contentOf, range, readOnlyRows, rowsOf } from './testing/layers.ts'

// The file layer lies on a disk whose power is cut after each of its operations; what any cut may leave is opened over
// what the base is at that moment.

const GEOMETRY = { rows: 20, rowBytes: 700 }
const KEPT = ['none', 'all', 'some', 'some'] as const

function onlyProcess(boot: number): Processes {
  const self: ProcessIdentity = { pid: 1, host: 'here', boot: `boot ${boot}`, space: '', start: '1' }
  return { self: () => self, stateOf: (other) => (other.boot === self.boot ? 'alive' : 'dead') }
}

/** The layer, made if there is none. */
async function fileOn({ files }: { files: FileSystem }, boot: number, create: RowGeometry): Promise<RowDriver> {
  const options = { files, processes: onlyProcess(boot) }
  return fileRows('/layer', options).catch((error: unknown) => {
    if (!StemkitError.isInstance(error) || error.code !== 'not-found') throw error
    return fileRows('/layer', { ...options, create })
  })
}

/** Does `use` on a disk, and `check` on what is left of it by each cut. */
async function underCuts(
  seed: number,
  use: (disk: PowerCutDisk) => Promise<void>,
  check: (left: PowerCutDisk) => Promise<string | undefined>,
): Promise<{ cuts: number; breaches: string[] }> {
  const breaches: string[] = []
  let cuts = 0
  const disk = powerCutDisk({
    random: seededRandom(seed),
    async onOperation(name) {
      const all = KEPT.map((kept) => ({ kept, left: disk.cut(kept) }))
      for (const { kept, left } of all) {
        cuts++
        const breach = await check(left).catch(String)
        if (breach !== undefined) breaches.push(`seed ${seed}, cut ${cuts} (${name}), ${kept} kept: ${breach}`)
      }
    },
  })
  await use(disk)
  return { cuts, breaches }
}

test('a layer with changes of its own, cut anywhere: what was flushed is there, over the base', async () => {
  let total = 0
  for (let seed = 1; seed <= 3; seed++) {
    const random = seededRandom(seed)
    const content = rowsOf(GEOMETRY, seed)
    const ledger = createLedger(GEOMETRY.rows, GEOMETRY.rowBytes)
    const begun = ledger.flushCalled()
    ledger.wrote(range(0, 20), content)
    ledger.flushCalled()()
    begun()
    const open = async (disk: { files: FileSystem }, boot: number): Promise<LayeredRows> =>
      layeredRows([await fileOn(disk, boot, GEOMETRY), await readOnlyRows(GEOMETRY, content)])

    const { cuts, breaches } = await underCuts(
      seed,
      async (disk) => {
        const driver = await open(disk, 1)
        await contentOf(driver, range(5, 15))
        await useRows(driver, ledger, random, 25)
        await driver.dispose()
      },
      async (left) => {
        const expected = ledger.expectation()
        const driver = await open(left, 2)
        const breach = await findBreach(driver, expected)
        await driver.dispose()
        return breach
      },
    )
    expect(breaches).toEqual([])
    total += cuts
  }
  expect(total).toBeGreaterThan(1_000)
})

test('a cache of a base that is written and replaced, cut anywhere: reads are those of the base', async () => {
  let [total, warm] = [0, 0]
  for (let seed = 1; seed <= 3; seed++) {
    const random = seededRandom(seed)
    let base = memoryRows(GEOMETRY)
    let etag = 0
    let underWay: Uint32Array = range(0, 0)
    /** The base as it is now; it outlives the layers above. */
    const now = (): RowDriver => ({ ...base, rows: GEOMETRY.rows, dispose: async () => {} })
    const open = async (disk: { files: FileSystem }, boot: number, over: RowDriver, id: string): Promise<LayeredRows> =>
      layeredRows([await fileOn(disk, boot, GEOMETRY), over], { id: async () => id })

    const { cuts, breaches } = await underCuts(
      seed,
      async (disk) => {
        for (etag = 1; etag <= 3; etag++) {
          base = memoryRows(GEOMETRY)
          await base.write!(range(0, 20), rowsOf(GEOMETRY, 10 * seed + etag))
          const driver = await open(disk, 1, now(), `etag ${etag}`)
          for (let step = 0; step < 10; step++) {
            const dice = random()
            underWay = range(0, 20).filter(() => random() < 0.4)
            if (dice < 0.5) await contentOf(driver, underWay)
            else if (dice < 0.7) await driver.write!(underWay, uniqueBytes(underWay.length * 700, random))
            else await driver.flush!()
          }
          await driver.dispose()
        }
      },
      async (left) => {
        const copy = memoryRows(GEOMETRY)
        await copy.write!(range(0, 20), await contentOf(base))
        const driver = await open(left, 2, copy, `etag ${etag}`)
        const expected = await contentOf(copy)
        const got = await contentOf(driver)
        warm += driver.stats()[0]!.read
        await driver.dispose()
        return Buffer.compare(got, expected) === 0 ? undefined : 'a row is not that of the base'
      },
    )
    expect(breaches).toEqual([])
    total += cuts
  }
  expect(total).toBeGreaterThan(1_000)
  expect(warm).toBeGreaterThan(1_000)
})
