import { describe, expect, test } from 'vitest'
import type { RowDriver, RowGeometry } from '../../row-driver.ts'
import { rowDriverConformance, type RowContent } from '../row-driver.ts'
import { suiteOf } from './fault.ts'
import { IN_CALLS } from './in-calls.ts'
import { IN_METAS } from './in-metas.ts'
import { IN_ROWS } from './in-rows.ts'
import { IN_SHARING } from './in-sharing.ts'
import { newMedium, slowRows } from './slow-rows.ts'

const FAULTS = [...IN_ROWS, ...IN_CALLS, ...IN_METAS, ...IN_SHARING]

type Collected = Map<string, () => Promise<void>>

function collect(suite: Parameters<typeof rowDriverConformance>[1]): Collected {
  const tests: Collected = new Map()
  rowDriverConformance((name, body) => tests.set(name, body), suite)
  return tests
}

async function failure(body: () => Promise<void>): Promise<string | undefined> {
  return body().then(
    () => undefined,
    (error: unknown) => String(error),
  )
}

describe('the conformance suite', () => {
  describe('passes a correct driver', () => {
    rowDriverConformance(test, suiteOf())
  })

  test.each(FAULTS)('fails a driver that %s', async (_, fault, broken) => {
    for (const name of broken) {
      // A medium of its own for each promise, as its test has when run alone.
      const body = collect(suiteOf(fault)).get(name)
      expect(body, `there is a promise '${name}'`).toBeDefined()
      expect(await failure(body!), name).toMatch(/row driver conformance: |StemkitError: /)
    }
  })

  test('has no promise that no broken driver fails', () => {
    const failed = new Set(FAULTS.flatMap(([, , broken]) => broken))
    expect([...collect(suiteOf()).keys()].filter((name) => !failed.has(name))).toEqual([])
  })

  test('fails a driver that declares a durability which the suite cannot test', async () => {
    const { open } = suiteOf()
    const tests = collect({ open })
    expect([...tests.keys()].some((name) => name.startsWith('reopen:'))).toBe(false)
    expect(await failure(tests.get('rows: reports its geometry and durability')!)).toContain("'reopen'")
  })

  test('registers what is exempt, with the reason', async () => {
    const skipped: string[] = []
    const run: string[] = []
    const collecting = Object.assign((name: string) => run.push(name), { skip: (name: string) => skipped.push(name) })
    const name = 'meta: no version comes twice, for equal bytes or after a removal'
    const exempt = { [name]: 'versions are ETags', lock: 'nobody else can open it' }
    rowDriverConformance(collecting, { ...suiteOf(), exempt })
    expect(skipped).toEqual([`${name} (exempt: versions are ETags)`])
    expect(run.filter((each) => each.startsWith('lock:'))).toEqual(['lock: absent (nobody else can open it)'])
    expect(run).not.toContain(name)

    const named: string[] = []
    rowDriverConformance((each) => named.push(each), { ...suiteOf(), exempt })
    expect(named).toContain(`${name} (exempt: versions are ETags)`)
  })

  test('fails an exemption from what the driver has', async () => {
    for (const ability of ['resize', 'meta', 'lock']) {
      const tests = collect({ ...suiteOf(), exempt: { [ability]: 'it is claimed' } })
      expect(await failure(tests.get(`${ability}: absent (it is claimed)`)!)).toContain(`exempt from '${ability}'`)
    }
  })

  test('refuses exemptions from nothing, or without a reason', () => {
    expect(() => collect({ ...suiteOf(), exempt: { 'rows: fast': 'why' } })).toThrow(
      "no promise is called 'rows: fast'",
    )
    expect(() => collect({ ...suiteOf(), exempt: { lock: ' ' } })).toThrow("'lock' needs a reason")
  })

  describe('passes read-only rows that are served as given', () => {
    rowDriverConformance(test, {
      readOnly: true,
      open: served,
      exempt: { lock: 'nothing is written', resize: 'nothing is written' },
    })
  })

  test('fails read-only rows that can be written, or are not those given', async () => {
    const writable = collect({
      readOnly: true,
      open: async ({ rowBytes, rows }) => slowRows(rowBytes, newMedium({ rows, rowBytes })),
    })
    expect(await failure(writable.get('rows: reports its geometry and durability')!)).toContain('no write')
    expect(await failure(writable.get('rows: come back byte for byte in the order of the ids')!)).toContain(
      'row 0 is 0',
    )
  })
})

/** Read-only rows: those of a correct driver, its verbs for writing taken away. */
async function served(geometry: RowGeometry, content: RowContent): Promise<RowDriver> {
  const driver = slowRows(geometry.rowBytes, newMedium(geometry))
  driver.medium.bytes.set(content.rows)
  for (const [name, bytes] of Object.entries(content.metas)) await driver.meta.put(name, bytes)
  return {
    ...geometry,
    durability: 'none',
    read: driver.read,
    meta: { get: driver.meta.get },
    dispose: driver.dispose,
  }
}
