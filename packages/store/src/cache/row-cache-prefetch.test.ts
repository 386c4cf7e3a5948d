import { describe, expect, test } from 'vitest'
import { from, keys, smallCache, use } from './testing/small-cache.ts'

describe('a prefetch', () => {
  test('reads rows that a lease then finds', async () => {
    const { cache, source } = smallCache({ slots: 8 })
    await cache.prefetch(keys(1, 2, 3))
    expect(await use(cache, keys(1, 2))).toEqual([1001, 1002])
    expect(source.reads.flat()).toEqual([1, 2, 3])
    expect(cache.stats()).toMatchObject({ hits: 2, misses: 0, waits: 0, prefetched: 3, prefetchUsed: 2, pinned: 0 })
  })

  test('is joined by a lease of the same row, which is read once, also where the prefetch is then aborted', async () => {
    const { cache, source } = smallCache({ slots: 8, slowness: 4 })
    void cache.prefetch(keys(1))
    expect(await use(cache, keys(1))).toEqual([1001])
    expect(source.reads).toEqual([[1]])

    const controller = new AbortController()
    const prefetch = cache.prefetch(keys(2), { signal: controller.signal })
    const lease = use(cache, keys(2))
    controller.abort(new Error('enough'))
    await expect(prefetch).rejects.toThrow('enough')
    expect(await lease).toEqual([1002])
  })

  test('that fails leaves the lease that joined it to read the row itself', async () => {
    let failing = 2
    const { cache } = smallCache({ slots: 8, slowness: 1, failing: () => failing })
    const prefetch = cache.prefetch(keys(1))
    const lease = use(cache, keys(1))
    await expect(prefetch).rejects.toThrow('read failed before it began')
    failing = 0
    expect(await lease).toEqual([1001])
  })

  test('of a row that is then changed leaves the change', async () => {
    const { cache } = smallCache({ slots: 8, slowness: 4 })
    const prefetch = cache.prefetch(keys(1, 2))
    await use(cache, keys(1), 5)
    await prefetch
    expect(await use(cache, keys(1, 2))).toEqual([5, 1002])
  })

  test('protects its rows, those that were there already too, until they were used as often as announced', async () => {
    const { cache, source } = smallCache({ slots: 6 })
    await use(cache, keys(1))
    await cache.prefetch(keys(1, 2))
    await cache.prefetch(keys(1))
    const churn = async (): Promise<void> => {
      for (let key = 10; key < 20; key++) await use(cache, keys(key))
      source.reads.length = 0
    }
    await churn()
    await use(cache, keys(1, 2))
    expect(source.reads).toEqual([])
    await churn()
    await use(cache, keys(1))
    expect(source.reads).toEqual([])
    await churn()
    await use(cache, keys(1, 2))
    expect(source.reads.flat()).toEqual([1, 2])
  })

  test('takes no room from pinned rows or other prefetched ones, and leaves out what does not fit', async () => {
    const { cache, source } = smallCache({ slots: 6 })
    const lease = await cache.lease(keys(1, 2))
    await use(cache, keys(3))
    await cache.prefetch(keys(10, 11, 12))
    await cache.prefetch(keys(20, 21))
    expect(source.reads.flat()).toEqual([1, 2, 3, 10, 11, 12, 20])
    expect(cache.stats()).toMatchObject({ prefetched: 4, prefetchRefused: 1, evictions: 1, pinned: 2 })
    // A lease may: what was prefetched last goes first.
    await use(cache, keys(30, 31))
    lease.release()
    source.reads.length = 0
    await use(cache, keys(10, 11))
    expect(source.reads).toEqual([])
    expect(cache.stats()).toMatchObject({ prefetchWasted: 2, prefetchUsed: 2 })
  })

  test('that nobody comes for loses its privilege in time', async () => {
    const { cache, source } = smallCache({ slots: 4 })
    await cache.prefetch(keys(1, 2, 3))
    for (let i = 0; i < 150; i++) await use(cache, keys(50 + (i % 2)))
    await cache.prefetch(keys(4, 5))
    expect(cache.stats()).toMatchObject({ prefetched: 5, prefetchWasted: 3, prefetchRefused: 0 })
    expect(source.reads.flat().slice(-2)).toEqual([4, 5])
  })

  test('whose rows are used now and then while others grow old leaves the rest in order', async () => {
    const { cache } = smallCache({ slots: 8 })
    const leases = async (count: number): Promise<void> => {
      for (let i = 0; i < count; i++) await use(cache, keys(50))
    }
    await cache.prefetch(keys(1, 2, 3))
    await leases(64)
    await use(cache, keys(3)) // the last that had come by then
    await cache.prefetch(keys(4))
    await leases(64)
    await cache.prefetch(from(60, 8)) // takes the room of all but the one that came later
    expect(cache.stats()).toMatchObject({ prefetchUsed: 1, prefetchWasted: 2, prefetchRefused: 1, resident: 8 })
    expect(await use(cache, keys(4))).toEqual([1004])
    expect(cache.stats().prefetchUsed).toBe(2)
  })

  test('of more rows than fit warms the cache as far as it goes', async () => {
    const { cache } = smallCache({ slots: 70 })
    await cache.prefetch(from(0, 100))
    expect(cache.stats()).toMatchObject({ resident: 70, prefetchRefused: 30 })
  })

  test('goes on as soon as no lease waits for a slot, though none is released', async () => {
    const { cache } = smallCache({ slots: 4, slowness: 2 }) // one buffer only
    const leases = [cache.lease(keys(1)), cache.lease(keys(5))]
    const prefetch = cache.prefetch(keys(7))
    leases.push(cache.lease(keys(5)))
    await Promise.all([...leases, prefetch])
    expect(cache.stats()).toMatchObject({ pinned: 2, prefetched: 1, resident: 3 })
  })

  test('lets a lease go first that has to wait for room', async () => {
    const { cache, source } = smallCache({ slots: 4, slowness: 1 })
    await use(cache, keys(1, 2, 3, 4), 5)
    const lease = cache.lease(keys(5, 6))
    const prefetch = cache.prefetch(keys(7, 8))
    ;(await lease).release()
    await prefetch
    expect(source.reads.flat().slice(4)).toEqual([5, 6, 7, 8])
  })
})
