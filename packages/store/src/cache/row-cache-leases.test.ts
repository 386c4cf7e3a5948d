import { describe, expect, test } from 'vitest'
import { smallestBudget } from './cache-memory.ts'
import type { RowSource } from './cache-types.ts'
import { lru } from './lru.ts'
import { createRowCache } from './row-cache.ts'
import { from, geometry, keys, row, ROW_BYTES, smallCache, use } from './testing/small-cache.ts'

describe('a lease', () => {
  test('gives each key the slot where its row is, and reads what is absent in one call', async () => {
    const { cache, source } = smallCache({ slots: 64 })
    expect(await use(cache, keys(3, 5, 90))).toEqual([1003, 1005, 1090])
    expect(await use(cache, keys(4, 5, 91))).toEqual([1004, 1005, 1091])
    expect(source.reads).toEqual([
      [3, 5, 90],
      [4, 91],
    ])
    expect(cache.stats()).toMatchObject({ hits: 1, misses: 5, hitRate: 1 / 6, rowsRead: 5, bytesRead: 40, resident: 5 })
  })

  test('reads straight into slots that lie side by side, and else through a buffer', async () => {
    const { source } = smallCache({ slots: 8 })
    const places: ArrayBufferLike[] = []
    const spy: RowSource = {
      ...source,
      read: (ids, into, options) => {
        places.push(into.buffer)
        return source.read(ids, into, options)
      },
    }
    const budget = smallestBudget(geometry, 64)
    for (const stride of [ROW_BYTES, 12]) {
      const cache = createRowCache({ source: spy, budget: 2 * budget, policy: lru, stride })
      expect(await use(cache, keys(10, 30))).toEqual([1010, 1030])
      expect(places.splice(0).every((place) => place === cache.bytes.buffer)).toBe(stride === ROW_BYTES)
      expect(cache.stats().memoryBytes).toBeLessThanOrEqual(2 * budget)
    }
  })

  test('reads in pieces where there are more rows than a buffer takes', async () => {
    const { cache, source } = smallCache({ slots: 1000, rows: 2000 })
    expect(await use(cache, from(7, 900))).toEqual(Array.from(from(1007, 900)))
    expect(source.reads.length).toBeGreaterThan(4)
    expect(source.reads.flat()).toEqual(Array.from(from(7, 900)))
  })

  test('keeps its rows where they are until it is released; then they make room', async () => {
    const { cache } = smallCache({ slots: 4 })
    const lease = await cache.lease(keys(1, 2))
    for (let key = 10; key < 20; key++) await use(cache, keys(key))
    expect(Array.from(lease.slots, (slot) => row(cache, slot)[0])).toEqual([1001, 1002])
    expect(cache.stats().pinned).toBe(2)
    lease.release()
    lease.release({ changed: true }) // too late: does nothing
    await use(cache, keys(20, 21, 22, 23))
    expect(cache.stats()).toMatchObject({ pinned: 0, dirty: 0, resident: 4 })
  })

  test('waits while others hold too many rows, and goes ahead of a larger one that waits', async () => {
    const { cache } = smallCache({ slots: 4 })
    const first = await cache.lease(keys(1, 2, 3))
    const order: string[] = []
    const large = cache.lease(keys(5, 6)).then(() => order.push('large'))
    const small = await cache.lease(keys(7))
    order.push('small')
    small.release()
    first.release()
    await large
    expect(order).toEqual(['small', 'large'])
    expect(cache.stats().waits).toBe(3)
  })

  test('ends also where somebody else has read its row before it could', async () => {
    const { cache, source } = smallCache({ slots: 4, slowness: 2 }) // whose budget has one buffer only
    const leases = await Promise.all([cache.lease(keys(1)), cache.lease(keys(5)), cache.lease(keys(5))])
    expect(leases.map(({ slots }) => row(cache, slots[0]!)[0])).toEqual([1001, 1005, 1005])
    expect(source.reads).toEqual([[1], [5]])
  })

  test('that is aborted while it waits rejects at once and holds nothing', async () => {
    const { cache } = smallCache({ slots: 4, slowness: 3 })
    const held = await cache.lease(keys(1, 2, 3))
    for (const rows of [keys(3, 4, 5), keys(6)]) {
      const controller = new AbortController()
      const waiting = cache.lease(rows, { signal: controller.signal })
      controller.abort(new Error('enough'))
      await expect(waiting).rejects.toThrow('enough')
    }
    await expect(cache.lease(keys(1), { signal: AbortSignal.abort() })).rejects.toThrow(/abort/)
    held.release()
    expect(await use(cache, keys(3, 4, 5, 6))).toEqual([1003, 1004, 1005, 1006])
    expect(cache.stats().pinned).toBe(0)
  })

  test('of more rows than fit says how many, how large, and what budget would do', async () => {
    const { cache, source } = smallCache({ slots: 10 })
    const error = await cache.lease(from(0, 40)).catch((caught: Error) => caught)
    const told =
      /^row cache: a batch needs 40 rows at once, 320 bytes; a budget of \d+ bytes holds 10; the smallest that works is (\d+)$/
    expect(error).toMatchObject({ code: 'bad-input', message: expect.stringMatching(told) })
    const budget = Number(told.exec((error as Error).message)![1])
    const larger = createRowCache({ source, budget, policy: lru })
    expect(await use(larger, from(0, 40))).toHaveLength(40)
    await expect(createRowCache({ source, budget: budget - 1, policy: lru }).lease(from(0, 40))).rejects.toThrow(
      /at once/,
    )
  })

  test('refuses keys that are not ascending, or not rows', async () => {
    const { cache } = smallCache({ slots: 4 })
    await expect(cache.lease(keys(2, 2))).rejects.toThrow('row cache: key 2 after 2')
    await expect(cache.lease(keys(2, 1))).rejects.toThrow('row cache: key 1 after 2')
    await expect(cache.prefetch(keys(2, 100))).rejects.toThrow('row cache: row 100 is not one of 100')
    expect((await cache.lease(keys())).slots).toHaveLength(0)
  })

  test('rejects with the error of the source, after which the rows can be asked for again', async () => {
    let failing = 2
    const { cache } = smallCache({ slots: 4, failing: () => failing })
    await expect(cache.lease(keys(1, 2))).rejects.toThrow('read failed before it began')
    expect(cache.stats()).toMatchObject({ resident: 0, pinned: 0 })
    failing = 0
    expect(await use(cache, keys(1, 2))).toEqual([1001, 1002])
  })
})
