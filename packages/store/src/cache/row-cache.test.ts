import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { smallestBudget } from './cache-memory.ts'
import type { RowCache, RowCacheOptions, RowSource } from './cache-types.ts'
import { lru } from './lru.ts'
import { createRowCache } from './row-cache.ts'
import { slowSource, type SlowSource } from './testing/slow-source.ts'
import { wTinyLfu } from './w-tiny-lfu.ts'

const ROW_BYTES = 8
const keys = (...list: number[]): Uint32Array => Uint32Array.from(list)
const from = (first: number, count: number): Uint32Array => Uint32Array.from({ length: count }, (_, i) => first + i)

const geometry = { budget: 0, rowBytes: ROW_BYTES, stride: ROW_BYTES, policy: lru }

interface SetUp {
  readonly slots: number
  readonly rows?: number
  readonly slowness?: number
  readonly failing?: () => number
}

/** A cache of so many slots over a source whose row k holds k + 1000, twice. */
function setUp({ slots, rows = 100, slowness = 0, failing = () => 0 }: SetUp, options: Partial<RowCacheOptions> = {}) {
  const source = slowSource({ rows, rowBytes: ROW_BYTES, slowness, failing, random: () => 0.999 })
  const words = new Uint32Array(source.bytes.buffer)
  for (let i = 0; i < words.length; i++) words[i] = (i >> 1) + 1000
  const budget = smallestBudget({ ...geometry, stride: options.stride ?? ROW_BYTES }, slots)
  const cache = createRowCache({ source, budget, policy: lru, ...options })
  return { source, cache }
}

const row = (cache: RowCache, slot: number): Uint32Array =>
  new Uint32Array(cache.bytes.buffer, cache.bytes.byteOffset + slot * cache.stride, ROW_BYTES / 4)

/** Leases rows, says what is in them, changes them if told to, and releases them. */
async function use(cache: RowCache, rows: Uint32Array, change?: number): Promise<number[]> {
  const lease = await cache.lease(rows)
  const seen = Array.from(lease.slots, (slot) => row(cache, slot)[1]!)
  if (change !== undefined) for (const slot of lease.slots) row(cache, slot).fill(change)
  lease.release({ changed: change !== undefined })
  return seen
}

describe('a lease', () => {
  test('gives each key the slot where its row is, and reads what is absent in one call', async () => {
    const { cache, source } = setUp({ slots: 64 })
    expect(await use(cache, keys(3, 5, 90))).toEqual([1003, 1005, 1090])
    expect(await use(cache, keys(4, 5, 91))).toEqual([1004, 1005, 1091])
    expect(source.reads).toEqual([
      [3, 5, 90],
      [4, 91],
    ])
    expect(cache.stats()).toMatchObject({ hits: 1, misses: 5, hitRate: 1 / 6, rowsRead: 5, bytesRead: 40, resident: 5 })
  })

  test('reads straight into slots that lie side by side, and else through a buffer', async () => {
    const { source } = setUp({ slots: 8 })
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
    const { cache, source } = setUp({ slots: 1000, rows: 2000 })
    expect(await use(cache, from(7, 900))).toEqual(Array.from(from(1007, 900)))
    expect(source.reads.length).toBeGreaterThan(4)
    expect(source.reads.flat()).toEqual(Array.from(from(7, 900)))
  })

  test('keeps its rows where they are until it is released; then they make room', async () => {
    const { cache } = setUp({ slots: 4 })
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
    const { cache } = setUp({ slots: 4 })
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
    const { cache, source } = setUp({ slots: 4, slowness: 2 }) // whose budget has one buffer only
    const leases = await Promise.all([cache.lease(keys(1)), cache.lease(keys(5)), cache.lease(keys(5))])
    expect(leases.map(({ slots }) => row(cache, slots[0]!)[0])).toEqual([1001, 1005, 1005])
    expect(source.reads).toEqual([[1], [5]])
  })

  test('that is aborted while it waits rejects at once and holds nothing', async () => {
    const { cache } = setUp({ slots: 4, slowness: 3 })
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
    const { cache, source } = setUp({ slots: 10 })
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
    const { cache } = setUp({ slots: 4 })
    await expect(cache.lease(keys(2, 2))).rejects.toThrow('row cache: key 2 after 2')
    await expect(cache.lease(keys(2, 1))).rejects.toThrow('row cache: key 1 after 2')
    await expect(cache.prefetch(keys(2, 100))).rejects.toThrow('row cache: row 100 is not one of 100')
    expect((await cache.lease(keys())).slots).toHaveLength(0)
  })

  test('rejects with the error of the source, after which the rows can be asked for again', async () => {
    let failing = 2
    const { cache } = setUp({ slots: 4, failing: () => failing })
    await expect(cache.lease(keys(1, 2))).rejects.toThrow('read failed before it began')
    expect(cache.stats()).toMatchObject({ resident: 0, pinned: 0 })
    failing = 0
    expect(await use(cache, keys(1, 2))).toEqual([1001, 1002])
  })
})

describe('changed rows', () => {
  test('are written before their slots are given up, in one sorted batch', async () => {
    const { cache, source } = setUp({ slots: 64 })
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
    const { cache, source } = setUp({ slots: 4 })
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
    const { cache, source } = setUp({ slots: 64 })
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
    const { cache, source } = setUp({ slots: 4, slowness: 2 })
    await use(cache, keys(1), 5)
    const flushing = cache.flush()
    await use(cache, keys(1), 6)
    await flushing
    expect(cache.stats().dirty).toBe(1)
    await cache.flush()
    expect(source.value(1)).toBe(6)
  })

  test('that are asked for while they are being written for their slots are not read', async () => {
    const { cache, source } = setUp({ slots: 2, slowness: 4 })
    await use(cache, keys(1, 2), 5)
    const other = cache.lease(keys(3))
    await new Promise(setImmediate)
    expect(source.writes).toEqual([[1]])
    expect(await use(cache, keys(1))).toEqual([5])
    ;(await other).release()
    expect(source.reads.flat()).toEqual([1, 2, 3])
  })

  test('that are asked for before their turn to be written has come are left alone', async () => {
    const { cache, source } = setUp({ slots: 4, slowness: 2 }) // one buffer: one row at a time
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
    const { cache, source } = setUp({ slots: 64, rows: 200, slowness: 5 })
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
    const { cache, source } = setUp({ slots: 4, failing: () => failing })
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
    const { source } = setUp({ slots: 4 })
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

describe('a prefetch', () => {
  test('reads rows that a lease then finds', async () => {
    const { cache, source } = setUp({ slots: 8 })
    await cache.prefetch(keys(1, 2, 3))
    expect(await use(cache, keys(1, 2))).toEqual([1001, 1002])
    expect(source.reads.flat()).toEqual([1, 2, 3])
    expect(cache.stats()).toMatchObject({ hits: 2, misses: 0, waits: 0, prefetched: 3, prefetchUsed: 2, pinned: 0 })
  })

  test('is joined by a lease of the same row, which is read once, also where the prefetch is then aborted', async () => {
    const { cache, source } = setUp({ slots: 8, slowness: 4 })
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
    const { cache } = setUp({ slots: 8, slowness: 1, failing: () => failing })
    const prefetch = cache.prefetch(keys(1))
    const lease = use(cache, keys(1))
    await expect(prefetch).rejects.toThrow('read failed before it began')
    failing = 0
    expect(await lease).toEqual([1001])
  })

  test('of a row that is then changed leaves the change', async () => {
    const { cache } = setUp({ slots: 8, slowness: 4 })
    const prefetch = cache.prefetch(keys(1, 2))
    await use(cache, keys(1), 5)
    await prefetch
    expect(await use(cache, keys(1, 2))).toEqual([5, 1002])
  })

  test('protects its rows, those that were there already too, until they were used as often as announced', async () => {
    const { cache, source } = setUp({ slots: 6 })
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
    const { cache, source } = setUp({ slots: 6 })
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
    const { cache, source } = setUp({ slots: 4 })
    await cache.prefetch(keys(1, 2, 3))
    for (let i = 0; i < 150; i++) await use(cache, keys(50 + (i % 2)))
    await cache.prefetch(keys(4, 5))
    expect(cache.stats()).toMatchObject({ prefetched: 5, prefetchWasted: 3, prefetchRefused: 0 })
    expect(source.reads.flat().slice(-2)).toEqual([4, 5])
  })

  test('whose rows are used now and then while others grow old leaves the rest in order', async () => {
    const { cache } = setUp({ slots: 8 })
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
    const { cache } = setUp({ slots: 70 })
    await cache.prefetch(from(0, 100))
    expect(cache.stats()).toMatchObject({ resident: 70, prefetchRefused: 30 })
  })

  test('goes on as soon as no lease waits for a slot, though none is released', async () => {
    const { cache } = setUp({ slots: 4, slowness: 2 }) // one buffer only
    const leases = [cache.lease(keys(1)), cache.lease(keys(5))]
    const prefetch = cache.prefetch(keys(7))
    leases.push(cache.lease(keys(5)))
    await Promise.all([...leases, prefetch])
    expect(cache.stats()).toMatchObject({ pinned: 2, prefetched: 1, resident: 3 })
  })

  test('lets a lease go first that has to wait for room', async () => {
    const { cache, source } = setUp({ slots: 4, slowness: 1 })
    await use(cache, keys(1, 2, 3, 4), 5)
    const lease = cache.lease(keys(5, 6))
    const prefetch = cache.prefetch(keys(7, 8))
    ;(await lease).release()
    await prefetch
    expect(source.reads.flat().slice(4)).toEqual([5, 6, 7, 8])
  })
})

describe('memory', () => {
  setFlagsFromString('--expose-gc')
  const collectGarbage = runInNewContext('gc') as () => void

  /** Bytes of buffers when those that nobody holds are gone, which takes a while. */
  async function buffersInUse(): Promise<number> {
    let bytes = Infinity
    for (let same = 0; same < 3;) {
      collectGarbage()
      await new Promise((resolve) => setImmediate(resolve))
      const now = process.memoryUsage().arrayBuffers
      same = now === bytes ? same + 1 : 0
      bytes = now
    }
    return bytes
  }

  test('is within the budget, bookkeeping and buffers included', async () => {
    const { source } = setUp({ slots: 4 })
    for (const budget of [4_000, 1_000_000, 9_999_999]) {
      const before = await buffersInUse()
      const cache = createRowCache({ source, budget })
      const taken = process.memoryUsage().arrayBuffers - before
      const { memoryBytes } = cache.stats()
      expect(memoryBytes).toBeLessThanOrEqual(budget)
      expect(memoryBytes).toBeGreaterThan(0.97 * budget)
      // What is not counted: the histogram of latencies, and what a few objects need.
      expect(taken).toBeLessThanOrEqual(memoryBytes + 1024)
      expect(taken).toBeGreaterThan(0.9 * memoryBytes)
    }
  })

  test('beyond the row itself is some 30 bytes a row', () => {
    const { source } = setUp({ slots: 4 })
    const wide = createRowCache({ source, budget: 2 ** 24, policy: wTinyLfu, stride: 64 })
    expect((2 ** 24 * (7 / 8)) / wide.slots - 64).toBeLessThan(34)
  })

  test("can be a part of the caller's, shared, with room between rows", async () => {
    const wasm = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true })
    const bytes = new Uint8Array(wasm.buffer, 1024, 10 * 32)
    const { cache } = setUp({ slots: 100 }, { memory: { bytes }, stride: 32 })
    expect(cache.slots).toBe(10)
    expect(cache.bytes).toBe(bytes)
    const lease = await cache.lease(from(40, 10))
    for (const [i, slot] of lease.slots.entries()) {
      expect(new Uint32Array(wasm.buffer, 1024 + slot * 32, 2)).toEqual(Uint32Array.of(1040 + i, 1040 + i))
    }
    await expect(cache.lease(from(0, 11))).rejects.toThrow(/the memory given holds 10, and a budget/)
  })

  test('that holds no row is refused', () => {
    const { source } = setUp({ slots: 4 })
    const least = smallestBudget({ ...geometry, policy: wTinyLfu }, 1)
    expect(() => createRowCache({ source, budget: 20 })).toThrow(
      `row cache: a budget of 20 bytes holds no row of 8 bytes, it takes ${least}`,
    )
    expect(createRowCache({ source, budget: least }).slots).toBe(1)
    expect(() => createRowCache({ source, budget: 1e5, memory: { bytes: new Uint8Array(7) } })).toThrow(
      'row cache: memory of 7 bytes holds no row of 8 bytes, it takes 8',
    )
    expect(() => createRowCache({ source, budget: 1e5, stride: 7 })).toThrow(/stride of 7 bytes/)
    expect(() => createRowCache({ source, budget: Number.NaN })).toThrow(/budget of NaN/)
  })
})

describe('forgetting', () => {
  const changed = async (slowness = 0): Promise<{ cache: RowCache; source: SlowSource }> => {
    const made = setUp({ slots: 8, slowness })
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

test('the time that reads take is known', async () => {
  const { cache } = setUp({ slots: 8, slowness: 5 })
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
  const { cache, source } = setUp({ slots: 4, slowness: 3 })
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
