import { StemkitError } from '../errors.ts'
import type { RowDriver, RowGeometry } from '../row-driver.ts'
import { check, metasOf, type Bench, type Promises, type RowContent, type WritableRows } from './row-driver/bench.ts'
import { range } from './row-driver/bytes.ts'
import { locks, sharedLocks } from './row-driver/locks.ts'
import { metaReads, metaWrites } from './row-driver/metas.ts'
import { overlap } from './row-driver/overlap.ts'
import { reads } from './row-driver/reads.ts'
import { reopening, reopeningMetas, reopeningSizes } from './row-driver/reopening.ts'
import { resize } from './row-driver/resize.ts'
import { writes } from './row-driver/writes.ts'

export type { RowContent } from './row-driver/bench.ts'

/** The caller's test function: vitest's, node:test's or jest's `test`, or any other. With `skip`, exempted tests are skipped. */
export interface ConformanceTest {
  (name: string, body: () => Promise<void>): unknown
  skip?: (name: string, body: () => Promise<void>) => unknown
}

/** What a driver may lack as a whole. The suite then checks that it does. */
export type RowDriverAbility = 'resize' | 'meta' | 'lock'

interface Common {
  /**
   * What does not hold for this driver, by the name of the promise or of an ability, each with the reason. It is
   * registered as a test that says so.
   */
  readonly exempt?: Readonly<Record<string, string>>
}

export interface WritableRowsSuite extends Common {
  readonly readOnly?: false
  /** Makes new rows, all zero, and opens them for writing. */
  readonly open: (geometry: RowGeometry) => Promise<RowDriver>
  /**
   * Opens the rows of a driver that `open` or `reopen` gave once more, while it is open and after it was disposed (after
   * that only where its durability is not 'none'). Leave out where nobody else can open them.
   */
  readonly reopen?: (driver: RowDriver) => Promise<RowDriver>
}

export interface ReadOnlyRowsSuite extends Common {
  readonly readOnly: true
  /** Makes rows (and metas, if the driver has any) with this content, and opens them. */
  readonly open: (geometry: RowGeometry, content: RowContent) => Promise<RowDriver>
}

/**
 * The behaviour that every row driver promises, as tests.
 * @param test the caller's `test`
 * @throws bad-input for an exemption that names nothing or gives no reason
 */
export function rowDriverConformance(test: ConformanceTest, suite: WritableRowsSuite | ReadOnlyRowsSuite): void {
  const promises = promisesOf(suite)
  const exempt = new Map(Object.entries(suite.exempt ?? {}))
  for (const [name, reason] of exempt) {
    const known = name in promises || name in ABILITIES
    if (known && reason.trim() !== '') continue
    throw new StemkitError(
      'bad-input',
      known
        ? `row driver conformance: the exemption '${name}' needs a reason`
        : `row driver conformance: no promise is called '${name}'; there are ${Object.keys(promises).join(' | ')}`,
    )
  }

  const inBench = (body: (bench: Bench) => Promise<void>) => async (): Promise<void> => {
    const opened: RowDriver[] = []
    try {
      await body(benchOf(suite, opened))
    } finally {
      for (const driver of opened) await driver.dispose()
    }
  }

  for (const [ability, lacks] of Object.entries(ABILITIES)) {
    const reason = exempt.get(ability)
    if (reason === undefined) continue
    const lacking = inBench(async (bench) => {
      const driver = await bench.filled({ rows: 4, rowBytes: 8 }, {})
      check(lacks(driver), `the driver is exempt from '${ability}', but has it`)
    })
    test(`${ability}: absent (${reason})`, lacking)
  }
  for (const [name, body] of Object.entries(promises)) {
    if (exempt.has(name)) (test.skip ?? test)(`${name} (exempt: ${exempt.get(name)})`, async () => {})
    else if (!needs(name).some((ability) => exempt.has(ability))) test(name, inBench(body))
  }
}

const ABILITIES: Readonly<Record<RowDriverAbility, (driver: RowDriver) => boolean>> = {
  resize: (driver) => driver.resize === undefined,
  meta: (driver) => driver.meta === undefined,
  lock: (driver) => driver.lock === undefined,
}

/** The abilities that a promise is about. */
function needs(name: string): string[] {
  if (name in reopeningMetas) return ['meta']
  if (name in reopeningSizes) return ['resize']
  return [name.slice(0, name.indexOf(':'))]
}

function promisesOf(suite: WritableRowsSuite | ReadOnlyRowsSuite): Promises {
  if (suite.readOnly === true) return { ...reads, ...metaReads }
  const alone = { ...reads, ...writes, ...overlap, ...resize, ...metaReads, ...metaWrites, ...locks }
  if (suite.reopen === undefined) return alone
  return { ...alone, ...sharedLocks, ...reopening, ...reopeningMetas, ...reopeningSizes }
}

function benchOf(suite: WritableRowsSuite | ReadOnlyRowsSuite, opened: RowDriver[]): Bench {
  const keep = <T extends RowDriver>(driver: T): T => {
    if (!opened.includes(driver)) opened.push(driver)
    return driver
  }
  if (suite.readOnly === true) {
    return {
      readOnly: true,
      open: async () => check(false, 'a read-only suite opens filled rows only') as never,
      filled: async (geometry, { rows, metas }) =>
        keep(
          await suite.open(geometry, {
            rows: rows ?? new Uint8Array(geometry.rows * geometry.rowBytes),
            metas: metas ?? {},
          }),
        ),
      reopen: undefined,
    }
  }
  const { open, reopen } = suite
  const bench = {
    readOnly: false,
    open: async (geometry: RowGeometry = { rows: 64, rowBytes: 48 }) => writable(keep(await open(geometry))),
    filled: async (geometry: RowGeometry, { rows, metas = {} }: Partial<RowContent>) => {
      const driver = await bench.open(geometry)
      if (rows !== undefined) await driver.write(range(0, geometry.rows), rows)
      for (const [name, bytes] of Object.entries(metas)) await metasOf(driver).put(name, bytes)
      return driver
    },
    reopen: reopen && (async (driver: RowDriver) => writable(keep(await reopen(driver)))),
  }
  return bench
}

function writable(driver: RowDriver): WritableRows {
  check(driver.write !== undefined, 'a writable driver should have write')
  return driver as WritableRows
}
