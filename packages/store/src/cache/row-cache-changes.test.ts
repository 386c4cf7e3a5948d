import { describe, expect, test } from 'vitest'
import { createRowCache } from './row-cache.ts'
import { from, keys, row, smallCache, use } from './testing/small-cache.ts'

describe('changed rows', () => {
  test('are written before their slots are given up, in one sorted batch', async () => {
    const { cache, source } = smallCache({ slots: 64 })
    await use(cache, from(0, 64), 7)
    expect(source.writes).toEqual([])
    await use(cache, from(64, 30))
    // The least recently used were as many as there were new rows.
    expect(source.writes.flat()).toEqual(Array.from(from(0, 30)))
    expect(source.value(29)).toBe(7)
    expect(await use(cache, keys(3, 40))).toEqual([7, 7])
    expect(cache.stats()).toMatchObject({ rowsWritten: 31, bytesWritten: 8 * 31, evictions: 31, dirty: 33 })
  })

  test('only those that are flagged', async () => {
    const { cache, source } = smallCache({ slots: 4 })
    const lease = await cache.lease(keys(1, 2, 3))
    for (const slot of lease.slots) row(cache, slot).fill(9)
    expect(() => lease.release({ changed: Uint8Array.of(1, 0) })).toThrow(
      'row cache: 2 flags for the 3 rows of a lease',
    )
    lease.release({ changed: Uint8Array.of(1, 0, 1) })
    await cache.flush()
    expect(source.writes.flat()).toEqual([1, 3])
  })

  test('stay, clean, after a flush, which writes them sorted', async () => {
    const { cache, source } = smallCache({ slots: 64 })
    for (const key of [50, 3, 20]) await use(cache, keys(key), key)
    await cache.flush()
    expect(source.writes.flat()).toEqual([3, 20, 50])
    expect(cache.stats()).toMatchObject({ dirty: 0, resident: 3 })
    await cache.flush()
    expect(source.writes.flat()).toHaveLength(3)
    expect(await use(cache, keys(3, 20, 50))).toEqual([3, 20, 50])
    expect(source.reads).toHaveLength(3)
  })

  test('again while they are being written are written again', async () => {
    const { cache, source } = smallCache({ slots: 4, slowness: 2 })
    await use(cache, keys(1), 5)
    const flushing = cache.flush()
    await use(cache, keys(1), 6)
    await flushing
    expect(cache.stats().dirty).toBe(1)
    await cache.flush()
    expect(source.value(1)).toBe(6)
  })

  test('that are asked for while they are being written for their slots are not read', async () => {
    const { cache, source } = smallCache({ slots: 2, slowness: 4 })
    await use(cache, keys(1, 2), 5)
    const other = cache.lease(keys(3))
    await new Promise(setImmediate)
    expect(source.writes).toEqual([[1]])
    expect(await use(cache, keys(1))).toEqual([5])
    ;(await other).release()
    expect(source.reads.flat()).toEqual([1, 2, 3])
  })

  test('that are asked for before their turn to be written has come are left alone', async () => {
    const { cache, source } = smallCache({ slots: 4, slowness: 2 }) // one buffer: one row at a time
    await use(cache, keys(1, 2, 3, 4), 5)
    source.writes.length = 0
    const other = cache.lease(keys(10, 11, 12))
    await new Promise(setImmediate)
    const lease = await cache.lease(keys(3))
    ;(await other).release()
    expect(source.writes.flat()).toEqual([1, 2, 4])
    lease.release()
  })

  test('that are changed and given up again, while they are still being written, are written again before', async () => {
    const { cache, source } = smallCache({ slots: 64, rows: 200, slowness: 5 })
    await use(cache, from(0, 64), 5)
    const first = cache.lease(keys(100)) // in the place of row 0
    await new Promise(setImmediate)
    expect(source.writes).toEqual([[0]])
    await use(cache, keys(0), 6)
    const rest = cache.lease(from(101, 63)) // in the places of all others, and now of row 0
    for (const lease of await Promise.all([first, rest])) lease.release()
    expect(source.value(0)).toBe(6)
    expect(await use(cache, keys(0))).toEqual([6])
  })

  test('that cannot be written stay; the error reaches the next lease, and a flush that succeeds settles it', async () => {
    let failing = 0
    const { cache, source } = smallCache({ slots: 4, failing: () => failing })
    await use(cache, keys(1, 2, 3, 4), 5)
    failing = 2
    await cache.prefetch(keys(8)) // needs room, and gives up quietly
    expect(cache.stats()).toMatchObject({ dirty: 4, resident: 4, prefetchRefused: 1 })
    await expect(cache.lease(keys(1))).rejects.toThrow('write failed before it began')
    expect(await use(cache, keys(1))).toEqual([5])
    await expect(cache.lease(keys(9))).rejects.toThrow('write failed before it began')
    await expect(cache.flush()).rejects.toThrow('write failed before it began')
    await cache.prefetch(keys(8))
    failing = 0
    await cache.flush()
    expect([1, 2, 3, 4].map(source.value)).toEqual([5, 5, 5, 5])
    expect(await use(cache, keys(1, 9))).toEqual([5, 1009])
  })

  test('of a read-only source are refused', async () => {
    const { source } = smallCache({ slots: 4 })
    const { write: _, ...readOnly } = source
    const cache = createRowCache({ source: readOnly, budget: 10_000 })
    const lease = await cache.lease(keys(1))
    expect(() => lease.release({ changed: true })).toThrow(
      'row cache: rows were changed, but their source is read-only',
    )
    lease.release({ changed: Uint8Array.of(0) })
    expect(cache.stats().pinned).toBe(0)
  })
})
