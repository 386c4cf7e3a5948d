import { describe, expect, test, vi } from 'vitest'
import { payloadBytes, type RowLayout } from '../layout.ts'
import { createRowTable, openRowTable } from './open-row-table.ts'
import { recordBytes } from './row-io.ts'
import {
  blockFor,
  bytesFor,
  contentOf,
  layout,
  newMedium,
  newTable,
  readRows,
  reopen,
  without,
  writeRows,
} from './testing/tables.ts'

describe('a new table', () => {
  test('holds the rows it was filled with, in places padded to 16 bytes', async () => {
    expect(recordBytes(layout)).toBe(16)
    expect(recordBytes({ ...layout, width: 4 })).toBe(32)
    const medium = newMedium(7)
    const table = await newTable(medium, 7)
    expect(table).toMatchObject({ rows: 7, rowBytes: 12, version: 1, content: 1, writable: true, layout, overlays: [] })
    expect(await readRows(table, [0, 3, 6])).toEqual(blockFor([0, 3, 6], 0))
    expect(await table.versions()).toEqual([{ version: 1, content: 1, movedRows: 0, kept: false }])
  })

  test('is zeros without a filling, and makes itself room', async () => {
    const table = await createRowTable({ driver: newMedium(1).open(), layout, rows: 40 })
    expect(await readRows(table, [0, 39])).toEqual(new Uint8Array(24))
  })

  test('is written in large pieces, in order, telling how far it is', async () => {
    const wide: RowLayout = { ...layout, width: 200_000 }
    const medium = newMedium(1)
    const progress: number[] = []
    const filled: number[] = []
    const { crashRows } = await import('./testing/crash-rows.ts')
    const table = await createRowTable({
      driver: crashRows({ rows: 25, rowBytes: recordBytes(wide) }).open(),
      layout: wide,
      rows: 25,
      fill: (ids, into) => {
        expect(into.every((byte) => byte === 0)).toBe(true)
        filled.push(...ids)
        into.fill(ids[0]! + 1)
      },
      onProgress: ({ rows, totalRows }) => {
        expect(totalRows).toBe(25)
        progress.push(rows)
      },
    })
    expect(medium.bytes.rows).toBe(1)
    expect(filled).toEqual(Array.from({ length: 25 }, (_, i) => i))
    expect(progress).toEqual([10, 20, 25])
    const row = new Uint8Array(payloadBytes(wide))
    await table.read(Uint32Array.of(19), row)
    expect(row.every((byte) => byte === 11)).toBe(true)
  })

  test('is not there until it is whole, and can then be made anew', async () => {
    const medium = newMedium(4)
    const stop = new AbortController()
    const half = createRowTable({
      driver: medium.open(),
      layout,
      rows: 4,
      fill: () => stop.abort(new Error('enough')),
      signal: stop.signal,
    })
    await expect(half).rejects.toThrow('enough')
    await expect(reopen(medium, 'read')).rejects.toMatchObject({ code: 'not-found' })
    await expect(reopen(medium, 'write')).rejects.toMatchObject({ code: 'not-found' })
    const table = await newTable(medium, 4)
    expect(await contentOf(table)).toBe(Buffer.from(blockFor([0, 1, 2, 3], 0)).toString('hex'))
  })

  test('does not take the place of another one', async () => {
    const medium = newMedium(4)
    await (await newTable(medium, 4)).dispose()
    await expect(newTable(medium, 4)).rejects.toMatchObject({ code: 'conflict' })
  })

  test('is refused over a driver that cannot hold it, saying why', async () => {
    const medium = newMedium(4)
    const on = (driver: ReturnType<typeof medium.open>) => createRowTable({ driver, layout, rows: 4 })
    await expect(on(without(medium.open(), 'resize'))).rejects.toThrow('cannot make room for more rows (resize)')
    await expect(on(without(medium.open(), 'meta'))).rejects.toThrow('cannot hold metas')
    await expect(on(without(medium.open(), 'write', 'meta'))).rejects.toThrow('cannot write rows, nor hold metas')
    await expect(on(without(medium.open(), 'write'))).rejects.toMatchObject({ code: 'unsupported' })
    const wrong = createRowTable({ driver: medium.open(), layout: { ...layout, width: 4 }, rows: 4 })
    await expect(wrong).rejects.toThrow('places have 16 bytes, this layout needs 32')
    await expect(createRowTable({ driver: medium.open(), layout, rows: 2.5 })).rejects.toMatchObject({
      code: 'bad-input',
    })
  })
})

describe('rows', () => {
  test('that are written are read back at once, by their writer alone', async () => {
    const medium = newMedium(6)
    const table = await newTable(medium, 6)
    await writeRows(table, [1, 4], 9)
    expect(await readRows(table, [0, 1, 4])).toEqual(Uint8Array.from([...bytesFor(0, 0), ...blockFor([1, 4], 9)]))
    expect(await readRows(await reopen(medium, 'read'), [0, 1, 4])).toEqual(blockFor([0, 1, 4], 0))
  })

  test('are read in any order, and to and from any slots of a block', async () => {
    const table = await newTable(newMedium(6), 6)
    expect(await readRows(table, [5, 0, 3])).toEqual(blockFor([5, 0, 3], 0))
    const block = new Uint8Array(48).fill(7)
    await table.read(Uint32Array.of(2, 4), block, { at: Uint32Array.of(3, 1) })
    const gap = new Uint8Array(12).fill(7)
    expect(block).toEqual(Uint8Array.from([...gap, ...bytesFor(4, 0), ...gap, ...bytesFor(2, 0)]))
    await table.write(Uint32Array.of(0, 1), block, { at: Uint32Array.of(3, 1) })
    expect(await readRows(table, [0, 1])).toEqual(Uint8Array.from([...bytesFor(2, 0), ...bytesFor(4, 0)]))
  })

  test('of one call that overlaps others are as if the calls had come one after the other', async () => {
    const table = await newTable(newMedium(6), 6)
    const calls = [writeRows(table, [0, 1, 2], 1), writeRows(table, [1, 2, 3], 2), readRows(table, [0, 1, 2, 3, 4])]
    calls.push(writeRows(table, [2], 3))
    const [, , rows] = await Promise.all(calls)
    expect(rows).toEqual(Uint8Array.from([...bytesFor(0, 1), ...blockFor([1, 2, 3], 2), ...bytesFor(4, 0)]))
    expect(await readRows(table, [2])).toEqual(bytesFor(2, 3))
  })

  test('that do not exist, come twice, or do not fit their block are refused', async () => {
    const table = await newTable(newMedium(6), 6)
    await expect(table.read(Uint32Array.of(6), new Uint8Array(12))).rejects.toThrow('row 6 is not one of 6')
    await expect(table.read(Uint32Array.of(2, 2), new Uint8Array(24))).rejects.toThrow('row 2 is named twice')
    await expect(table.read(Uint32Array.of(2), new Uint8Array(24))).rejects.toThrow(
      '24 bytes where 1 rows of 12 need 12',
    )
    await expect(table.write(Uint32Array.of(6), new Uint8Array(12))).rejects.toThrow('row 6 is not one of 6')
    await expect(table.write(Uint32Array.of(2, 1), new Uint8Array(24))).rejects.toThrow('sorted and unique')
    await expect(table.write(Uint32Array.of(2, 2), new Uint8Array(24))).rejects.toThrow('sorted and unique')
    const at = Uint32Array.of(1)
    await expect(table.read(Uint32Array.of(2), new Uint8Array(12), { at })).rejects.toThrow('12 bytes where 2 rows')
    await expect(table.read(Uint32Array.of(2), new Uint8Array(12), { signal: AbortSignal.abort() })).rejects.toThrow(
      'abort',
    )
    await expect(table.write(Uint32Array.of(2), bytesFor(2, 5), { signal: AbortSignal.abort() })).rejects.toThrow(
      'abort',
    )
    expect(await readRows(table, [2])).toEqual(bytesFor(2, 0))
  })

  test('whose write failed are lost until they are written again, and so is the next snapshot', async () => {
    const medium = newMedium(6)
    const table = await newTable(medium, 6)
    await writeRows(table, [1, 2], 1)
    medium.onCall = (call) => {
      if (call === 'before write') throw new Error('disk full')
    }
    await expect(writeRows(table, [2, 3], 2)).rejects.toThrow('disk full')
    medium.onCall = undefined
    await expect(readRows(table, [3])).rejects.toMatchObject({ code: 'io' })
    await expect(table.snapshot()).rejects.toThrow('row 2 was not written whole; write it again')
    expect(await readRows(table, [1])).toEqual(bytesFor(1, 1))
    await writeRows(table, [2, 3], 3)
    await table.snapshot()
    expect(await readRows(await reopen(medium, 'read'), [0, 1, 2, 3])).toEqual(
      Uint8Array.from([...bytesFor(0, 0), ...bytesFor(1, 1), ...blockFor([2, 3], 3)]),
    )
  })
})

describe('snapshots', () => {
  test('are what a table is opened at, and nothing that was written later', async () => {
    const medium = newMedium(6)
    const table = await newTable(medium, 6)
    await writeRows(table, [1, 5], 1)
    expect(await table.snapshot({ note: 'step 10' })).toBe(2)
    const second = await contentOf(table)
    await writeRows(table, [1, 2], 2)
    await table.dispose()
    const again = await reopen(medium, 'write')
    expect(again).toMatchObject({ id: table.id, version: 2, content: 2 })
    expect(await contentOf(again)).toBe(second)
    expect(await again.versions()).toEqual([{ version: 2, content: 2, movedRows: 2, kept: false, note: 'step 10' }])
  })

  test('take in what was written before they were asked for, and leave out the rest', async () => {
    const medium = newMedium(6)
    const table = await newTable(medium, 6)
    const calls = [writeRows(table, [1, 2], 1), table.snapshot({ keep: true }), writeRows(table, [2, 3], 2)]
    const last = table.snapshot()
    await Promise.all([...calls, last])
    expect(await readRows(await reopen(medium, 'read', { version: 2 }), [1, 2, 3])).toEqual(
      Uint8Array.from([...blockFor([1, 2], 1), ...bytesFor(3, 0)]),
    )
    expect(await readRows(await reopen(medium, 'read', { version: await last }), [1, 2, 3])).toEqual(
      Uint8Array.from([...bytesFor(1, 1), ...blockFor([2, 3], 2)]),
    )
  })

  test('of nothing new are the last one, unless there is something to keep or to note', async () => {
    const table = await newTable(newMedium(6), 6)
    expect(await table.snapshot()).toBe(1)
    const kept = await table.snapshot({ keep: true })
    expect(kept).toBeGreaterThan(1)
    expect(await table.snapshot()).toBe(kept)
    expect(table.content).toBe(1)
  })

  test('that are kept stay as they were until they are dropped', async () => {
    const medium = newMedium(8)
    const table = await newTable(medium, 8)
    const contents = new Map<number, string>()
    for (let round = 1; round <= 12; round++) {
      await writeRows(table, [round % 7, 7], round)
      const version = await table.snapshot({ keep: round % 3 === 0 })
      if (round % 3 === 0) contents.set(version, await contentOf(table))
    }
    expect((await table.versions()).map(({ version }) => version)).toEqual([...contents.keys()])
    for (const [version, content] of contents) {
      expect(await contentOf(await reopen(medium, 'read', { version }))).toBe(content)
    }
    const [first] = contents.keys()
    await table.drop(first!)
    await expect(reopen(medium, 'read', { version: first! })).rejects.toThrow(`no version ${first}; there are`)
    await expect(table.drop(first!)).rejects.toMatchObject({ code: 'not-found' })
    for (const [version, content] of [...contents].slice(1)) {
      expect(await contentOf(await reopen(medium, 'read', { version }))).toBe(content)
    }
  })

  test('can be continued from: later ones stay until the first snapshot, which discards them', async () => {
    const medium = newMedium(8)
    const first = await newTable(medium, 8)
    const versions: number[] = []
    for (let round = 1; round <= 3; round++) {
      await writeRows(first, [round, round + 1], round)
      versions.push(await first.snapshot({ keep: true }))
    }
    const base = await contentOf(await reopen(medium, 'read', { version: versions[0]! }))
    await first.dispose()

    const second = await reopen(medium, 'write', { version: versions[0]! })
    expect(await contentOf(second)).toBe(base)
    await writeRows(second, [0], 9)
    expect((await second.versions()).map(({ version }) => version)).toEqual(versions)
    const next = await second.snapshot()
    expect(next).toBeGreaterThan(versions[2]!)
    expect((await second.versions()).map(({ version }) => version)).toEqual([versions[0], next])
    expect(await readRows(second, [0, 1, 2, 3])).toEqual(
      Uint8Array.from([...bytesFor(0, 9), ...blockFor([1, 2], 1), ...bytesFor(3, 0)]),
    )
    await second.dispose()
    expect(await contentOf(await reopen(medium, 'write'))).toBe(await contentOf(await reopen(medium, 'read')))
  })

  test('that are aborted leave the writes to the next one', async () => {
    const medium = newMedium(6)
    const table = await newTable(medium, 6)
    await writeRows(table, [1, 2], 1)
    const stop = new AbortController()
    medium.onCall = (call) => call.startsWith('after put journal') && stop.abort(new Error('not now'))
    await expect(table.snapshot({ signal: stop.signal })).rejects.toThrow('not now')
    medium.onCall = undefined
    await writeRows(table, [2, 3], 2)
    await table.snapshot()
    await table.dispose()
    const rows = await readRows(await reopen(medium, 'read'), [1, 2, 3])
    expect(rows).toEqual(Uint8Array.from([...bytesFor(1, 1), ...blockFor([2, 3], 2)]))
    expect([...medium.bytes.metas.keys()].filter((name) => name.startsWith('journal'))).toHaveLength(1)
  })

  test('that fail half-way end the writer, and leave the last version or this one', async () => {
    const medium = newMedium(6)
    const table = await newTable(medium, 6)
    await writeRows(table, [1], 1)
    medium.onCall = (call) => {
      if (call === 'before flush') throw new Error('I/O error')
    }
    await expect(table.snapshot()).rejects.toMatchObject({ code: 'io' })
    medium.onCall = undefined
    await expect(writeRows(table, [1], 1)).rejects.toThrow('open the table again')
    await expect(table.snapshot()).rejects.toThrow('open the table again')
    await table.dispose()
    expect(await readRows(await reopen(medium, 'write'), [1])).toEqual(bytesFor(1, 0))
  })
})

describe('places', () => {
  test('are used again: rewriting all rows for ever takes twice the room and a bit', async () => {
    const medium = newMedium(64)
    const table = await newTable(medium, 64)
    const all = Array.from({ length: 64 }, (_, i) => i)
    for (let round = 1; round <= 30; round++) {
      await writeRows(table, all, round)
      await writeRows(table, all.slice(10, 20), round)
      await table.snapshot()
    }
    expect(medium.bytes.rows).toBe(128)
    expect(await readRows(table, all)).toEqual(blockFor(all, 30))
  })

  test('of a row written twice between snapshots are the same one', async () => {
    const medium = newMedium(64)
    const table = await newTable(medium, 64)
    for (let round = 1; round <= 30; round++) await writeRows(table, [5, 6, 7], round)
    expect(medium.bytes.rows).toBe(64 + 4)
  })

  test('that lie together take rows that are written together, so that they are read together', async () => {
    const medium = newMedium(64)
    const table = await newTable(medium, 64)
    await writeRows(table, [3, 17, 18, 40, 41, 42, 60, 63], 1)
    await table.snapshot()
    const reads: number[][] = []
    const driver = medium.open()
    const read = driver.read.bind(driver)
    const reader = await openRowTable({
      driver: Object.assign(driver, {
        read: (ids: Uint32Array, into: Uint8Array) => (reads.push([...ids]), read(ids, into)),
      }),
      mode: 'read',
    })
    await readRows(reader, [3, 17, 18, 40, 41, 42, 60, 63])
    expect(reads).toEqual([[64, 65, 66, 67, 68, 69, 70, 71]])
  })

  test('of hundreds of millions of rows that never moved cost nothing', async () => {
    const medium = newMedium(3e8)
    const root = { id: 'a', layout, rows: 3e8, places: 3e8, writer: 0, nextVersion: 2, nextRecord: 1, nextKey: 3e8 }
    const version = { version: 1, content: 1, movedRows: 0, kept: false, records: [], overlays: [] }
    const { encodeRoot } = await import('./root.ts')
    const bytes = encodeRoot({ ...root, versions: [version], overlays: [], records: [], garbage: [] })
    await medium.open().meta!.put!('root', bytes)
    const before = process.memoryUsage.rss()
    const table = await reopen(medium, 'write')
    const ids = Array.from({ length: 2000 }, (_, i) => i * 149_999)
    await writeRows(table, ids, 1)
    await table.snapshot()
    expect(await readRows(table, ids)).toEqual(blockFor(ids, 1))
    expect(process.memoryUsage.rss() - before).toBeLessThan(64 * 2 ** 20)
  })
})

describe('one writer', () => {
  test('keeps out another, here and elsewhere, until it is gone', async () => {
    const medium = newMedium(4)
    const table = await newTable(medium, 4)
    await expect(reopen(medium, 'write')).rejects.toMatchObject({ code: 'conflict' })
    await table.dispose()
    await (await reopen(medium, 'write')).dispose()

    const driver = without(newMedium(4).open(), 'lock')
    const first = await createRowTable({ driver, layout, rows: 4 })
    await expect(openRowTable({ driver, mode: 'write' })).rejects.toMatchObject({ code: 'conflict' })
    expect(first.writable).toBe(true)
  })

  test('whose lock is lost writes no more', async () => {
    const medium = newMedium(4)
    const driver = medium.open()
    const lost = new AbortController()
    driver.lock = async () => ({ lost: lost.signal, release: async () => undefined })
    const table = await newTable(medium, 4, driver)
    await writeRows(table, [1], 1)
    lost.abort(new Error('the lease ran out'))
    await expect(writeRows(table, [1], 2)).rejects.toMatchObject({ code: 'conflict' })
    await expect(table.snapshot()).rejects.toMatchObject({ code: 'conflict' })
    await expect(table.drop(1)).rejects.toMatchObject({ code: 'conflict' })
  })

  test('that was taken for dead never mixes its rows with those of the next', async () => {
    const medium = newMedium(4)
    const open = (): ReturnType<typeof medium.open> => without(medium.open(), 'lock')
    const stale = await newTable(medium, 4, open())
    await writeRows(stale, [1], 1)
    const next = await openRowTable({ driver: open(), mode: 'write' })
    await expect(stale.snapshot()).rejects.toMatchObject({ code: 'conflict' })
    await expect(writeRows(stale, [1], 2)).rejects.toThrow('another writer has taken over')
    await writeRows(next, [2], 3)
    await next.snapshot()
    expect(await readRows(next, [1, 2])).toEqual(Uint8Array.from([...bytesFor(1, 0), ...bytesFor(2, 3)]))
  })

  test('notices within seconds, before it writes, that it was taken for dead', async () => {
    const medium = newMedium(4)
    const open = (): ReturnType<typeof medium.open> => without(medium.open(), 'lock')
    const stale = await newTable(medium, 4, open())
    await openRowTable({ driver: open(), mode: 'write' })
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 1500 })
    await expect(writeRows(stale, [1], 1)).rejects.toMatchObject({ code: 'conflict' })
    vi.useRealTimers()
    expect(medium.bytes.rows).toBe(4)
  })
})
