import { describe, expect, test } from 'vitest'
import type { RowCache } from './cache-types.ts'
import type { SlowSource } from './testing/slow-source.ts'
import { from, keys, smallCache, use } from './testing/small-cache.ts'

describe('forgetting', () => {
  const changed = async (slowness = 0): Promise<{ cache: RowCache; source: SlowSource }> => {
    const made = smallCache({ slots: 8, slowness })
    await use(made.cache, keys(1, 2, 3), 5)
    return made
  }

  test('drops rows with their changes, so that they are read anew', async () => {
    const { cache, source } = await changed()
    await cache.prefetch(keys(3, 4))
    cache.drop(keys(1, 3, 4, 77))
    expect(cache.stats()).toMatchObject({ resident: 1, dirty: 1 })
    expect(await use(cache, keys(1, 2, 3, 4))).toEqual([1001, 5, 1003, 1004])
    await cache.flush()
    expect(source.writes).toEqual([[2]])
  })

  test('refuses leased rows, and then drops none', async () => {
    const { cache } = await changed()
    const lease = await cache.lease(keys(2))
    expect(() => cache.drop(keys(1, 2))).toThrow('row cache: row 2 is leased')
    expect(() => cache.clear()).toThrow('row cache: 1 rows are leased')
    expect(cache.stats()).toMatchObject({ resident: 3, dirty: 3 })
    lease.release()
    cache.clear()
    expect(cache.stats()).toMatchObject({ resident: 0, dirty: 0 })
    expect(await use(cache, keys(0, 1))).toEqual([1000, 1001])
  })

  test('rows on their way leaves nothing of them, whichever way that is', async () => {
    const { cache, source } = await changed(3)
    const prefetch = cache.prefetch(keys(10, 11))
    const flushing = cache.flush()
    await new Promise(setImmediate)
    cache.drop(keys(1, 10))
    await Promise.all([prefetch, flushing])
    expect(cache.stats()).toMatchObject({ resident: 3, dirty: 0 })
    source.bytes.fill(9)
    expect((await use(cache, keys(1, 10))).map((value) => value & 255)).toEqual([9, 9])
    expect(await use(cache, from(20, 8))).toHaveLength(8)
  })
})
