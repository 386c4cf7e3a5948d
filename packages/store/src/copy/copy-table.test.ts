import fc from 'fast-check'
import { StemkitError } from '@stemkit/spec/errors'
import type { RowDriver } from '@stemkit/spec/row-driver'
import { describe, expect, test } from 'vitest'
import { memoryRows } from '../drivers/memory-rows.ts'
import type { RowLayout } from '../layout.ts'
import { createRowTable } from '../table/open-row-table.ts'
import { recordBytes } from '../table/row-io.ts'
import type { RowTable } from '../table/row-table.ts'
import type { CrashMedium } from '../table/testing/crash-rows.ts'
import { contentOf, layout, newMedium, newTable, reopen, seeded, writeRows } from '../table/testing/tables.ts'
import { copyTable, type CopyTableOptions } from './copy-table.ts'
import { verifyTable } from './verify-table.ts'

const ROWS = 40
/** Three rows at a time, and a mark after each of them. */
const small = { pieceBytes: 36, checkpointMs: 0, existing: true }

const sourceOf = async (rows = ROWS): Promise<RowTable> => newTable(newMedium(rows), rows)

/** A driver that says what is called, and may throw there. */
function watched(driver: RowDriver, onCall: (call: string) => void): RowDriver {
  const call =
    <A extends unknown[], R>(name: string, work: (...args: A) => Promise<R>) =>
    async (...args: A) => {
      onCall(name)
      return work(...args)
    }
  const { meta } = driver
  return {
    ...driver,
    get rows() {
      return driver.rows
    },
    read: call('read', driver.read),
    write: call('write', driver.write!),
    resize: call('resize', driver.resize!),
    flush: call('flush', driver.flush!),
    meta: { get: meta!.get, put: call('put', meta!.put!), remove: meta!.remove! },
  }
}

const copyTo = (from: RowTable, medium: CrashMedium, options: Partial<CopyTableOptions> = {}): Promise<RowTable> =>
  copyTable({ from, to: medium.open(), ...small, ...options })

/** Writes rows until the copy has come so far, then fails as a lost connection does. */
async function copyUntil(from: RowTable, medium: CrashMedium, row: number): Promise<void> {
  let writes = 0
  const to = watched(medium.open(), (call) => {
    if (call === 'write' && ++writes > row / 3) throw new StemkitError('io', 'the connection was lost')
  })
  await expect(copyTable({ from, to, ...small })).rejects.toMatchObject({ code: 'io' })
}

describe('a copy that was cut short', () => {
  test('is no table', async () => {
    const medium = newMedium(ROWS)
    await copyUntil(await sourceOf(), medium, 21)
    for (const mode of ['read', 'write'] as const) {
      await expect(reopen(medium, mode)).rejects.toMatchObject({ code: 'not-found' })
    }
  })

  test('goes on from where it was', async () => {
    const medium = newMedium(ROWS)
    const source = await sourceOf()
    await copyUntil(source, medium, 21)
    const asked: number[] = []
    const from: RowTable = { ...source, read: (ids, ...rest) => (asked.push(...ids), source.read(ids, ...rest)) }
    const seen: object[] = []
    const copy = await copyTo(from, medium, { onProgress: (progress) => seen.push(progress) })
    expect(await contentOf(copy)).toBe(await contentOf(source))
    expect(seen[0]).toEqual({ stage: 'writing', rows: 21, totalRows: ROWS, resumedRows: 21 })
    expect(seen.at(-1)).toEqual({ stage: 'checking', rows: ROWS, totalRows: ROWS, resumedRows: 21 })
    // A sample of the rows that are there is compared with the source.
    expect(asked.filter((id) => id >= 21)).toEqual(Array.from({ length: ROWS - 21 }, (_, i) => 21 + i))
    expect(asked.filter((id) => id < 21)).toHaveLength(8)
  })

  test('begins anew where the source has another version, and says so', async () => {
    const medium = newMedium(ROWS)
    const source = await sourceOf()
    await copyUntil(source, medium, 21)
    await writeRows(source, [2, 30], 5)
    await source.snapshot()
    let restarts = 0
    const copy = await copyTo(source, medium, { onRestart: () => restarts++ })
    expect(await contentOf(copy)).toBe(await contentOf(source))
    expect(restarts).toBe(1)
  })

  test('begins anew where the source has the version that it had, and other rows', async () => {
    const medium = newMedium(ROWS)
    const source = await sourceOf()
    await copyUntil(source, medium, 21)
    const other = newMedium(ROWS)
    const replaced: RowTable = { ...(await newTable(other, ROWS)), id: source.id, content: source.content }
    await writeRows(replaced, [20], 5)
    let restarts = 0
    const copy = await copyTo(replaced, medium, { onRestart: () => restarts++ })
    expect(await contentOf(copy)).toBe(await contentOf(replaced))
    expect(restarts).toBe(1)
  })

  test('begins anew in another dtype of the same size', async () => {
    const medium = newMedium(ROWS)
    const source = await sourceOf()
    const f16: RowLayout = { ...layout, dtype: 'f16' }
    const from = await createRowTable({
      driver: memoryRows({ rows: ROWS, rowBytes: recordBytes(f16) }),
      layout: f16,
      rows: ROWS,
    })
    await copyUntil(source, medium, 21)
    const to = medium.open()
    expect(recordBytes(f16)).toBe(to.rowBytes)
    const copy = await copyTable({ from, to, ...small })
    expect(copy.layout.dtype).toBe('f16')
    expect(await verifyTable(copy)).toEqual([])
  })

  test('mends what was damaged meanwhile', async () => {
    const medium = newMedium(ROWS)
    const source = await sourceOf()
    await copyUntil(source, medium, 21)
    medium.bytes.places.get(4)![2]! ^= 1
    expect(await contentOf(await copyTo(source, medium))).toBe(await contentOf(source))
  })

  test('is not gone on with where somebody wrote other rows into it', async () => {
    const medium = newMedium(ROWS)
    const source = await sourceOf()
    await copyUntil(source, medium, 21)
    const elsewhere = newMedium(ROWS)
    const other = await newTable(elsewhere, ROWS)
    await writeRows(other, [3], 9)
    // A whole row of the same id, one of those that are not looked at before: only the checksum over all of them tells.
    medium.bytes.places.set(3, elsewhere.bytes.places.get(ROWS) ?? expect.fail('row 3 moved elsewhere'))
    await expect(copyTo(source, medium)).rejects.toMatchObject({ code: 'corrupt' })
    expect(await contentOf(await copyTo(source, medium))).toBe(await contentOf(source))
  })
})

describe('a copy', () => {
  test('goes nowhere where a table, or anything else, is', async () => {
    const source = await sourceOf()
    const medium = newMedium(ROWS)
    await newTable(medium, ROWS)
    await expect(copyTo(source, medium)).rejects.toMatchObject({ code: 'conflict' })
    const others = newMedium(ROWS)
    await others.open().write!(Uint32Array.of(39), new Uint8Array(recordBytes(layout)).fill(1))
    await expect(copyTo(source, others)).rejects.toMatchObject({ code: 'conflict' })
    expect(await others.open().meta!.get('building')).toBeUndefined()
    const wider = memoryRows({ rows: ROWS, rowBytes: 2 * recordBytes(layout) })
    await expect(copyTable({ from: source, to: wider })).rejects.toMatchObject({ code: 'bad-input' })
  })

  test('is refused while another one is writing', async () => {
    const medium = newMedium(ROWS)
    await medium.open().lock!()
    await expect(copyTo(await sourceOf(), medium)).rejects.toMatchObject({ code: 'conflict' })
  })

  test('is no table if its source is not what it was', async () => {
    const medium = newMedium(ROWS)
    const confirm = (): never => {
      throw new StemkitError('conflict', 'the source has changed')
    }
    await expect(copyTo(await sourceOf(), medium, { confirm })).rejects.toMatchObject({ code: 'conflict' })
    await expect(reopen(medium, 'read')).rejects.toMatchObject({ code: 'not-found' })
  })

  test('leaves no mark once the table has been written to', async () => {
    const medium = newMedium(ROWS)
    await (await copyTo(await sourceOf(), medium)).dispose()
    const table = await reopen(medium, 'write')
    await table.dispose()
    expect([...medium.bytes.metas.keys()]).toEqual(['root'])
  })

  test('stops at once when it is aborted, and keeps what it has', async () => {
    const medium = newMedium(ROWS)
    const stop = new AbortController()
    const source = await sourceOf()
    const onProgress = ({ rows }: { rows: number }): void => {
      if (rows === 12) stop.abort(new Error('enough'))
    }
    await expect(copyTo(source, medium, { onProgress, checkpointMs: 1e9, signal: stop.signal })).rejects.toThrow(
      'enough',
    )
    const seen: number[] = []
    await copyTo(source, medium, { onProgress: ({ resumedRows }) => seen.push(resumedRows) })
    expect(seen[0]).toBeGreaterThanOrEqual(12)
  })

  test('of no rows is a table of no rows', async () => {
    const medium = newMedium(0)
    expect((await copyTo(await sourceOf(0), medium)).rows).toBe(0)
  })
})

/** What happens at some call of a try: an error, an abort, or the end of the process with or without the loss of power. */
const interruption = fc.record({
  call: fc.integer({ min: 1, max: 60 }),
  how: fc.constantFrom('error', 'abort', 'kill', 'power'),
  seed: fc.integer(),
  /** The source gets a new version before the next try. */
  isChanged: fc.boolean(),
})

test('however often and wherever it is interrupted, it is no table before it ends equal to its source', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(interruption, { maxLength: 6 }), fc.boolean(), async (interruptions, verify) => {
      const source = await sourceOf()
      let medium = newMedium(ROWS)
      for (const [i, { call, how, seed, isChanged }] of interruptions.entries()) {
        let calls = 0
        let left: CrashMedium | undefined
        const stop = new AbortController()
        const to = watched(medium.open(), () => {
          if (++calls !== call) return
          if (how === 'abort') stop.abort(new Error('aborted'))
          else if (how === 'error') throw new StemkitError('io', 'lost')
          // What comes after the end of the process goes to a medium that nobody looks at.
          else left = how === 'power' ? medium.crash(seeded(seed)) : medium.crash(() => 0.99)
        })
        const done = await copyTable({ from: source, to, ...small, verify, signal: stop.signal }).then(
          async (table) => table.dispose().then(() => true),
          (error: unknown) => {
            if (error instanceof Error && /aborted|lost/.test(error.message)) return false
            throw error
          },
        )
        medium = left ?? medium
        if (!done || left !== undefined) {
          const table = await reopen(medium, 'read').catch((error: unknown) => {
            expect(error).toMatchObject({ code: 'not-found' })
          })
          if (table === undefined) {
            if (isChanged) {
              await writeRows(source, [i], i + 1)
              await source.snapshot()
            }
            continue
          }
        }
        // It had come to its end already.
        expect(await contentOf(await reopen(medium, 'read'))).toBe(await contentOf(source))
        return
      }
      const copy = await copyTo(source, medium, { verify })
      expect(await contentOf(copy)).toBe(await contentOf(source))
      await copy.dispose()
      expect(await verifyTable(await reopen(medium, 'read'))).toEqual([])
    }),
    { numRuns: 150 },
  )
})
