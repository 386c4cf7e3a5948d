import { StemkitError } from '@stemkit/spec/errors'
import { describe, expect, test, vi } from 'vitest'
import { openRowTable } from './open-row-table.ts'
import type { RowTable } from './row-table.ts'
import type { CrashMedium } from './testing/crash-rows.ts'
import { blockFor, bytesFor, contentOf, newMedium, newTable, readRows, reopen, writeRows } from './testing/tables.ts'

const ROWS = 6

/** A table with three kept versions, and a newest one with an overlay; what each version holds. */
async function makeTable(): Promise<{ medium: CrashMedium; contents: Map<number, string> }> {
  const medium = newMedium(ROWS)
  const table = await newTable(medium, ROWS)
  const contents = new Map<number, string>()
  for (const [round, ids] of [[0, 1, 2, 3], [5], [1, 5]].entries()) {
    await writeRows(table, ids, round + 1)
    contents.set(await table.snapshot({ keep: true }), await contentOf(table))
  }
  await table.addOverlay('patch', Uint32Array.of(2, 4), blockFor([2, 4], 9))
  contents.set(table.version, await contentOf(table))
  await table.dispose()
  return { medium, contents }
}

/** Opens and reads whatever can be; returns what was said of the rest. Wrong rows fail the test. */
async function readAll(medium: CrashMedium, contents: Map<number, string>): Promise<string[]> {
  const complaints: string[] = []
  const attempt = async (work: () => Promise<void>): Promise<void> => {
    await work().catch((error: unknown) => {
      if (!StemkitError.isInstance(error) || error.code !== 'corrupt') throw error
      complaints.push(error.message)
    })
  }
  for (const version of contents.keys()) {
    await attempt(async () => {
      const reader = await reopen(medium, 'read', { version })
      await attempt(async () => expect(await contentOf(reader)).toBe(contents.get(version)))
      for (const { name } of reader.overlays) {
        await attempt(async () => {
          const { ids, keys } = await reader.overlayKeys(name)
          expect([...ids]).toEqual([2, 4])
          expect(await readRows(reader, keys)).toEqual(blockFor([2, 4], 9))
        })
      }
      await reader.dispose()
    })
  }
  await attempt(async () => {
    const writer = await reopen(medium, 'write')
    await attempt(async () => expect(await contentOf(writer)).toBe([...contents.values()].at(-1)))
    await writer.dispose()
  })
  return complaints
}

/** Each byte of it, changed in one bit. */
function* flips(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at++) {
    const flipped = bytes.slice()
    flipped[at]! ^= 1 << (at % 8)
    yield flipped
  }
}

describe('a flipped bit', () => {
  test('in any row is found when that row is read, and named', async () => {
    const { medium, contents } = await makeTable()
    const { places } = medium.bytes
    let found = 0
    for (const [place, bytes] of places) {
      for (const flipped of flips(bytes)) {
        places.set(place, flipped)
        const complaints = await readAll(medium, contents)
        for (const complaint of complaints) {
          expect(complaint).toMatch(new RegExp(`row \\d+ \\(place ${place}\\) does not match its checksum`))
        }
        found += complaints.length
      }
      places.set(place, bytes)
    }
    expect(found).toBeGreaterThan(200)
  })

  test.each(['root', 'journal'])('in the %s is found when a version that needs it is opened', async (region) => {
    const { medium, contents } = await makeTable()
    const { metas } = medium.bytes
    const names = [...metas.keys()].filter((name) => name.startsWith(region))
    expect(names.length).toBe(region === 'root' ? 1 : 5)
    for (const name of names) {
      const meta = metas.get(name)!
      for (const bytes of flips(meta.bytes)) {
        metas.set(name, { ...meta, bytes })
        const complaints = await readAll(medium, contents)
        expect(complaints.length).toBeGreaterThan(0)
        for (const complaint of complaints) expect(complaint).toContain(`'${name}'`)
        metas.set(name, meta)
      }
    }
    expect(await readAll(medium, contents)).toEqual([])
  })

  test('in the pins lets no reader down, and is forgotten once its readers have come back', async () => {
    const { medium, contents } = await makeTable()
    const { metas } = medium.bytes
    vi.useFakeTimers({ toFake: ['Date', 'setInterval', 'clearInterval'] })
    const lease = { leaseMs: 60_000 }
    const writer = await reopen(medium, 'write', lease)
    const rewrite = async (rounds: number): Promise<void> => {
      for (let i = 0; i < rounds; i++) {
        await writeRows(writer, [0, 1, 2, 3, 4, 5], i)
        await writer.snapshot()
      }
    }
    const readers = [await reopen(medium, 'read', lease), await reopen(medium, 'read', lease)]
    const content = [...contents.values()].at(-1)
    await rewrite(2)
    for (const bytes of flips(metas.get('pins')!.bytes)) {
      metas.set('pins', { ...metas.get('pins')!, bytes })
      await rewrite(1)
      for (const reader of readers) expect(await contentOf(reader)).toBe(content)
      await vi.advanceTimersByTimeAsync(20_000)
    }
    await vi.advanceTimersByTimeAsync(180_000)
    await rewrite(2)
    const grown = medium.bytes.rows
    await rewrite(10)
    for (const reader of readers) expect(await contentOf(reader)).toBe(content)
    expect(medium.bytes.rows).toBe(grown)
    vi.useRealTimers()
  })
})

describe('what is missing', () => {
  test('is named: a record of the journal, places that the driver no longer has', async () => {
    const { medium, contents } = await makeTable()
    const { metas } = medium.bytes
    for (const [name, meta] of [...metas].filter(([key]) => key.startsWith('journal'))) {
      metas.delete(name)
      const complaints = await readAll(medium, contents)
      expect(complaints.length).toBeGreaterThan(0)
      for (const complaint of complaints) expect(complaint).toContain(`the meta '${name}' is missing`)
      metas.set(name, meta)
    }
    medium.bytes.rows = ROWS
    await expect(reopen(medium, 'read')).rejects.toThrow('the driver has 6 places where the table uses')
  })

  test('or mixed up, a row in the place of another one, is found', async () => {
    const { medium } = await makeTable()
    const { places } = medium.bytes
    const reader = await reopen(medium, 'read')
    places.set(4, places.get(3)!)
    await expect(readRows(reader, [4])).rejects.toThrow('row 4 (place 4) does not match its checksum')
  })

  test('is not a table of the future: that one is refused as such', async () => {
    const { medium } = await makeTable()
    const { encodeText } = await import('./root.ts')
    await medium.open().meta!.put!('root', encodeText('stemkit-table 2', {}))
    await expect(reopen(medium, 'read')).rejects.toMatchObject({ code: 'unsupported' })
  })

  test('or wrong is the driver, if its places have another size', async () => {
    const { medium } = await makeTable()
    const driver = { ...medium.open(), rows: medium.bytes.rows, rowBytes: 32 }
    const opened: Promise<RowTable> = openRowTable({ driver, mode: 'read' })
    await expect(opened).rejects.toThrow('places have 32 bytes, this layout needs 16')
  })
})

test('what is damaged is named with the place that the driver says its rows are in', async () => {
  const { medium } = await makeTable()
  const open = () =>
    openRowTable({ driver: { ...medium.open(), rows: medium.bytes.rows, where: '/data/rows' }, mode: 'read' })
  const reader = await open()
  medium.bytes.places.set(4, new Uint8Array(16))
  await expect(readRows(reader, [4])).rejects.toThrow('/data/rows: row 4 (place 4) does not match')
  const root = medium.bytes.metas.get('root')!
  medium.bytes.metas.set('root', { ...root, bytes: root.bytes.subarray(1) })
  await expect(open()).rejects.toThrow("/data/rows: the meta 'root' does not match")
})

test('a writer repairs nothing by itself: a row that is damaged stays so until it is written', async () => {
  const { medium } = await makeTable()
  const writer = await reopen(medium, 'write')
  medium.bytes.places.set(4, new Uint8Array(16))
  await expect(readRows(writer, [4])).rejects.toMatchObject({ code: 'corrupt' })
  await writeRows(writer, [4], 7)
  await writer.snapshot()
  expect(await readRows(await reopen(medium, 'read'), [4])).toEqual(bytesFor(4, 7))
})
