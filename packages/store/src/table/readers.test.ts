import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { openRowTable } from './open-row-table.ts'
import type { RowTable } from './row-table.ts'
import type { CrashMedium } from './testing/crash-rows.ts'
import {
  bytesFor,
  contentOf,
  newMedium,
  newTable,
  readOnly,
  readRows,
  reopen,
  seeded,
  without,
  writeRows,
} from './testing/tables.ts'

const MINUTE = 60_000
const all = Array.from({ length: 8 }, (_, i) => i)

// The medium takes no time, so leases run out when the tests say so.
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date', 'setInterval', 'clearInterval'] })
})
afterEach(() => {
  vi.useRealTimers()
})

const rewrite = async (table: RowTable, rounds: number): Promise<void> => {
  for (let round = 1; round <= rounds; round++) {
    await writeRows(table, all, table.version + round)
    await table.snapshot()
  }
}

describe('a reader', () => {
  test('keeps its version, whatever the writer does, until it is closed', async () => {
    const medium = newMedium(8)
    const writer = await newTable(medium, 8)
    const reader = await reopen(medium, 'read')
    const before = await contentOf(reader)
    await rewrite(writer, 5)
    expect(await contentOf(reader)).toBe(before)
    expect(reader).toMatchObject({ version: 1, writable: false })
    expect((await reader.versions()).map(({ version }) => version)).toEqual([writer.version])
    await expect(reopen(medium, 'read', { version: 1 })).rejects.toMatchObject({ code: 'not-found' })

    const grown = medium.bytes.rows
    await reader.dispose()
    await rewrite(writer, 5)
    expect(medium.bytes.rows).toBe(grown)
    await writer.dispose()
    const next = await reopen(medium, 'write')
    await rewrite(next, 5)
    expect(medium.bytes.rows).toBe(grown)
  })

  test('moves to the newest version when it is told to', async () => {
    const medium = newMedium(8)
    const writer = await newTable(medium, 8)
    const reader = await reopen(medium, 'read')
    await rewrite(writer, 2)
    const reading = readRows(reader, [3])
    expect(await reader.refresh()).toBe(writer.version)
    expect(await reading).toEqual(bytesFor(3, 0))
    expect(await contentOf(reader)).toBe(await contentOf(writer))
    await rewrite(writer, 2)
    expect(medium.bytes.rows).toBe(8 + 8 + 8)
    expect(await writer.refresh()).toBe(writer.version)
  })

  test('holds its version beyond a restart of the writer', async () => {
    const medium = newMedium(8)
    const writer = await newTable(medium, 8)
    await rewrite(writer, 1)
    const reader = await reopen(medium, 'read')
    const before = await contentOf(reader)
    for (let restart = 0; restart < 4; restart++) {
      const next = await reopen(
        medium.crash(() => 0.99),
        'write',
      )
      await next.dispose()
    }
    await writer.dispose()
    for (let restart = 0; restart < 4; restart++) {
      const next = await reopen(medium, 'write')
      await rewrite(next, 2)
      await next.dispose()
      expect(await contentOf(reader)).toBe(before)
    }
  })

  test('of a version that a writer discards, by going on from an older one, keeps it too', async () => {
    const medium = newMedium(8)
    const writer = await newTable(medium, 8)
    await writeRows(writer, [1, 2], 1)
    const old = await writer.snapshot({ keep: true })
    await writeRows(writer, [2, 3], 2)
    await writer.snapshot({ keep: true })
    const reader = await reopen(medium, 'read')
    const before = await contentOf(reader)
    await writer.dispose()
    for (let restart = 0; restart < 3; restart++) {
      const next = await reopen(medium, 'write', { version: old })
      await rewrite(next, 2)
      await next.dispose()
      expect(await contentOf(reader)).toBe(before)
    }
  })

  test('that is silent for twice its lease is not waited for', async () => {
    const medium = newMedium(8)
    const writer = await newTable(medium, 8)
    const driver = medium.open()
    const reader = await openRowTable({ driver, mode: 'read', leaseMs: MINUTE })
    const put = vi.spyOn(driver.meta!, 'put').mockRejectedValue(new Error('no network'))
    const placesOfVersion1 = () => all.map((place) => medium.bytes.places.get(place))
    const before = placesOfVersion1()
    await rewrite(writer, 2)
    vi.setSystemTime(Date.now() + 1.9 * MINUTE)
    await rewrite(writer, 4)
    expect(placesOfVersion1()).toEqual(before)
    vi.setSystemTime(Date.now() + 0.2 * MINUTE)
    await rewrite(writer, 4)
    expect(placesOfVersion1()).not.toEqual(before)
    expect(medium.bytes.rows).toBe(8 * 3)

    await expect(contentOf(reader)).rejects.toMatchObject({ code: 'conflict' })
    await expect(contentOf(reader)).rejects.toThrow('the hold on version 1 ran out; refresh()')
    put.mockRestore()
    expect(await reader.refresh()).toBe(writer.version)
    expect(await contentOf(reader)).toBe(await contentOf(writer))
  })

  test('renews its lease for as long as it is open', async () => {
    const medium = newMedium(8)
    const writer = await newTable(medium, 8)
    const reader = await reopen(medium, 'read', { leaseMs: MINUTE })
    const before = await contentOf(reader)
    for (let third = 0; third < 12; third++) {
      await vi.advanceTimersByTimeAsync(MINUTE / 3)
      await rewrite(writer, 1)
    }
    expect(await contentOf(reader)).toBe(before)
  })

  test('notices that its lease ran out while it was reading', async () => {
    const medium = newMedium(8)
    await newTable(medium, 8)
    const reader = await reopen(medium, 'read', { leaseMs: MINUTE })
    medium.onCall = (call) => call === 'before read' && vi.setSystemTime(Date.now() + MINUTE)
    await expect(contentOf(reader)).rejects.toMatchObject({ code: 'conflict' })
  })

  test('whose pin disappeared does not put it back as if nothing had been', async () => {
    const medium = newMedium(8)
    await newTable(medium, 8)
    const reader = await reopen(medium, 'read', { leaseMs: MINUTE })
    medium.bytes.metas.delete('pins')
    await vi.advanceTimersByTimeAsync(MINUTE / 3)
    await expect(contentOf(reader)).rejects.toMatchObject({ code: 'conflict' })
  })

  test('that opens while its version goes away finds another', async () => {
    for (const [call, rounds] of [
      ['put', 1],
      ['put', 3],
      ['get', 1],
      ['get', 3],
    ] as const) {
      const medium = newMedium(8)
      const writer = await newTable(medium, 8)
      const driver = medium.open()
      // The writer comes between the first look at the root and the pin, or between the pin and the second look.
      const { get, put } = driver.meta!
      let isPinned = false
      let isOvertaken = false
      const overtake = async (): Promise<void> => {
        if (isOvertaken) return
        isOvertaken = true
        await rewrite(writer, rounds)
      }
      driver.meta!.get = async (name, options) => {
        if (call === 'get' && name === 'root' && isPinned) await overtake()
        return get(name, options)
      }
      driver.meta!.put = async (...args) => {
        if (call === 'put') await overtake()
        isPinned = true
        return put!(...args)
      }
      const reader = await openRowTable({ driver, mode: 'read' })
      const before = await contentOf(reader)
      await rewrite(writer, 3)
      expect(await contentOf(reader)).toBe(before)

      const late = await openRowTable({ driver, mode: 'read', version: 1 }).catch((error: unknown) => error)
      expect(late).toMatchObject({ code: 'not-found' })
    }
  })

  test('keeps its version while the writer cannot see the pins', async () => {
    const medium = newMedium(8)
    const writer = await newTable(medium, 8)
    const reader = await reopen(medium, 'read')
    const before = await contentOf(reader)
    medium.onCall = (call) => {
      if (call === 'before get pins') throw new Error('no network')
    }
    await rewrite(writer, 4)
    expect(await contentOf(reader)).toBe(before)
  })

  test('over media that cannot be written holds nothing, and reads all the same', async () => {
    const medium = newMedium(8)
    const writer = await newTable(medium, 8)
    const reader = await openRowTable({ driver: readOnly(medium), mode: 'read' })
    expect(await contentOf(reader)).toBe(await contentOf(writer))
    expect(medium.bytes.metas.has('pins')).toBe(false)
    await expect(writeRows(reader, [1], 1)).rejects.toMatchObject({ code: 'unsupported' })
    await expect(reader.snapshot()).rejects.toThrow("open it with mode 'write'")
    await expect(openRowTable({ driver: without(medium.open(), 'meta'), mode: 'read' })).rejects.toMatchObject({
      code: 'unsupported',
    })
  })
})

test('any number of readers and one writer, in any order: everybody reads his own version, and no place is lost', async () => {
  for (let seed = 1; seed <= 40; seed++) {
    const random = seeded(seed)
    const medium = newMedium(8)
    let writer = await newTable(medium, 8)
    const readers: { table: RowTable; content: string }[] = []
    const contents = new Map([[1, await contentOf(writer)]])
    for (let step = 0; step < 40; step++) {
      const dice = random()
      const index = Math.floor(random() * readers.length)
      if (dice < 0.4) {
        await writeRows(
          writer,
          all.filter(() => random() < 0.5),
          step,
        )
      } else if (dice < 0.6) {
        contents.set(await writer.snapshot({ keep: random() < 0.3 }), await contentOf(writer))
      } else if (dice < 0.75) {
        const version = random() < 0.5 ? undefined : (await writer.versions())[0]!.version
        const table = await reopen(medium, 'read', version === undefined ? {} : { version })
        readers.push({ table, content: contents.get(table.version)! })
      } else if (dice < 0.85 && readers.length > 0) {
        const [gone] = readers.splice(index, 1)
        await gone!.table.dispose()
      } else if (dice < 0.9 && readers.length > 0) {
        await readers[index]!.table.refresh()
        readers[index]!.content = contents.get(readers[index]!.table.version)!
      } else if (dice < 0.95) {
        const [oldest] = await writer.versions()
        await writer.drop(oldest!.version)
      } else {
        const known = await writer.versions()
        await writer.dispose()
        const { version } = known[Math.floor(random() * known.length)]!
        writer = await reopen(medium, 'write', { version })
      }
      for (const { table, content } of readers) expect(await contentOf(table)).toBe(content)
    }
    for (const { table } of readers) await table.dispose()
    await expectNothingLost(medium, writer)
  }
})

/** With all versions but the newest gone, as many places as the table has rows are in use: the rest can be written to. */
async function expectNothingLost(medium: CrashMedium, writer: RowTable): Promise<void> {
  await writeRows(writer, all, 99)
  await writer.snapshot()
  for (const { version, kept } of await writer.versions()) if (kept) await writer.drop(version)
  const room = Math.floor((medium.bytes.rows - 8) / 8)
  const before = medium.bytes.rows
  for (let i = 0; i < room; i++) {
    await writeRows(writer, all, i)
    await writer.snapshot({ keep: true })
  }
  expect(medium.bytes.rows).toBe(before)
}
