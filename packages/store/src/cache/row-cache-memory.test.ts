import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { smallestBudget } from './cache-memory.ts'
import { createRowCache } from './row-cache.ts'
import { from, geometry, smallCache } from './testing/small-cache.ts'
import { wTinyLfu } from './w-tiny-lfu.ts'

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
    const { source } = smallCache({ slots: 4 })
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
    const { source } = smallCache({ slots: 4 })
    const wide = createRowCache({ source, budget: 2 ** 24, policy: wTinyLfu, stride: 64 })
    expect((2 ** 24 * (7 / 8)) / wide.slots - 64).toBeLessThan(34)
  })

  test("can be a part of the caller's, shared, with room between rows", async () => {
    const wasm = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true })
    const bytes = new Uint8Array(wasm.buffer, 1024, 10 * 32)
    const { cache } = smallCache({ slots: 100 }, { memory: { bytes }, stride: 32 })
    expect(cache.slots).toBe(10)
    expect(cache.bytes).toBe(bytes)
    const lease = await cache.lease(from(40, 10))
    for (const [i, slot] of lease.slots.entries()) {
      expect(new Uint32Array(wasm.buffer, 1024 + slot * 32, 2)).toEqual(Uint32Array.of(1040 + i, 1040 + i))
    }
    await expect(cache.lease(from(0, 11))).rejects.toThrow(/the memory given holds 10, and a budget/)
  })

  test('that holds no row is refused', () => {
    const { source } = smallCache({ slots: 4 })
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
