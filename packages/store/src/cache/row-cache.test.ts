import { expect, test } from 'vitest'
import { keys, smallCache, use } from './testing/small-cache.ts'

test('the time that reads take is known', async () => {
  const { cache } = smallCache({ slots: 8, slowness: 5 })
  expect(cache.stats().readMs).toEqual({ count: 0, mean: 0, p99: 0 })
  await use(cache, keys(1))
  const { readMs, waitedMs, waits } = cache.stats()
  expect(readMs.count).toBe(1)
  expect(readMs.mean).toBeGreaterThan(0)
  expect(readMs.p99).toBeGreaterThanOrEqual(readMs.mean * 0.99)
  expect(waits).toBe(1)
  expect(waitedMs).toBeGreaterThanOrEqual(readMs.mean)
})

test('disposed, it waits for what is under way, and rejects what waits and what comes', async () => {
  const { cache, source } = smallCache({ slots: 4, slowness: 3 })
  await use(cache, keys(1, 2, 3), 5)
  const lease = await cache.lease(keys(1, 2, 3))
  const waiting = cache.lease(keys(4, 5)).catch((error: Error) => error.message)
  const prefetch = cache.prefetch(keys(6))
  const flushing = cache.flush()
  await cache.dispose()
  expect(await waiting).toBe('row cache: already disposed')
  await Promise.all([prefetch, flushing])
  expect(source.value(3)).toBe(5)
  lease.release()
  await expect(cache.lease(keys(1))).rejects.toThrow('already disposed')
  await expect(cache.flush()).rejects.toThrow('already disposed')
  expect(() => cache.clear()).toThrow('already disposed')
  expect(cache.bytes).toHaveLength(0)
  await cache.dispose()
})
