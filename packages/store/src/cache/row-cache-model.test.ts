import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { RowCache } from './cache-types.ts'
import { lfu } from './lfu.ts'
import { lru } from './lru.ts'
import type { CachePolicyKind } from './policy.ts'
import { createRowCache } from './row-cache.ts'
import { smallestBudget } from './cache-memory.ts'
import { slowSource } from './testing/slow-source.ts'
import { wTinyLfu } from './w-tiny-lfu.ts'

const ROW_BYTES = 16

/** Of a case: few rows, of which the buffers take one each, or some more. */
interface Scale {
  readonly rows: number
  /** Rows in a batch, at most, which is the least number of slots. */
  readonly batch: number
}
const SMALL: Scale = { rows: 24, batch: 6 }
const LARGE: Scale = { rows: 150, batch: 64 }

interface Step {
  readonly verb: 'step' | 'look' | 'prefetch' | 'flush'
  readonly keys: readonly number[]
  /** Turns of the event loop until a lease is released, or the call aborted. */
  readonly turns: number
  readonly aborts: boolean
}

const stepOf = ({ rows, batch }: Scale): fc.Arbitrary<Step> =>
  fc.record({
    verb: fc.constantFrom('step', 'step', 'step', 'look', 'prefetch', 'prefetch', 'flush'),
    keys: fc.uniqueArray(fc.nat(rows - 1), { minLength: 1, maxLength: batch, size: 'max' }),
    turns: fc.nat(6),
    aborts: fc.boolean(),
  })

/** Numbers from a seed, so that a failing case can be run again. */
const randomOf = (seed: number) => () => {
  seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
  return seed / 2 ** 32
}

const turnsPass = async (turns: number): Promise<void> => {
  for (let i = 0; i < turns; i++) await new Promise(setImmediate)
}

const wordsOf = (cache: RowCache, slot: number): Uint32Array =>
  new Uint32Array(cache.bytes.buffer, cache.bytes.byteOffset + slot * cache.stride, ROW_BYTES / 4)

interface Case {
  readonly rows: number
  readonly policy: CachePolicyKind
  readonly slots: number
  readonly stride: number
  readonly seed: number
  readonly failing: number
  /** Whether rows go straight between source and slots. */
  readonly inPlace: boolean
  readonly users: readonly (readonly Step[])[]
}

/** Several users at once do as they are told, and check every row that they are given. */
async function play({ rows, policy, slots, stride, seed, failing, inPlace, users }: Case): Promise<void> {
  let failures = failing
  const source = slowSource({
    rows,
    rowBytes: ROW_BYTES,
    slowness: 3,
    random: randomOf(seed),
    failing: () => failures,
    takesAt: inPlace,
  })
  const geometry = { budget: 0, rowBytes: ROW_BYTES, stride, policy }
  const budget = smallestBudget(geometry, slots)
  const cache = createRowCache({ source, budget, policy, stride })
  const model = new Uint32Array(rows)
  let count = 0

  const checkMemory = (): void => {
    const { memoryBytes, resident, pinned, dirty } = cache.stats()
    expect(memoryBytes).toBeLessThanOrEqual(budget)
    expect(resident).toBeLessThanOrEqual(cache.slots)
    expect(Math.max(pinned, dirty)).toBeLessThanOrEqual(resident)
  }

  const perform = async ({ verb, keys, turns, aborts }: Step): Promise<void> => {
    const sorted = Uint32Array.from(keys).toSorted()
    const controller = new AbortController()
    if (aborts) void turnsPass(turns).then(() => controller.abort(new Error('aborted')))
    const options = { signal: controller.signal }
    if (verb === 'flush') return cache.flush(options)
    if (verb === 'prefetch') return cache.prefetch(sorted, options)
    const lease = await cache.lease(sorted, options)
    for (const look of ['at first', 'until it is released']) {
      for (const [i, key] of sorted.entries()) {
        expect([...wordsOf(cache, lease.slots[i]!)], `row ${key}, ${look}`).toEqual(Array(4).fill(model[key]))
      }
      await turnsPass(turns)
    }
    const flags = new Uint8Array(sorted.length)
    for (const [i, key] of sorted.entries()) {
      if (verb === 'look' || (key + turns) % 3 === 0) continue
      flags[i] = 1
      model[key] = ++count
      wordsOf(cache, lease.slots[i]!).fill(count)
    }
    lease.release(flags.every((flag) => flag === 1) ? { changed: true } : { changed: flags })
    checkMemory()
  }

  const errors: string[] = []
  const follow = async (steps: readonly Step[]): Promise<void> => {
    for (const next of steps) {
      await perform(next).catch((error: Error) => {
        if (!/failed (before|half-way)|^aborted$/.test(error.message)) errors.push(String(error.stack))
      })
      checkMemory()
    }
  }
  await Promise.all(users.map(follow))
  expect(errors).toEqual([])

  failures = 0
  expect(cache.stats().pinned).toBe(0)
  await cache.flush()
  expect(cache.stats().dirty).toBe(0)
  for (let key = 0; key < rows; key++) expect(source.value(key), `row ${key} of the source`).toBe(model[key])
  const all = Uint32Array.from({ length: cache.slots }, (_, key) => key)
  const lease = await cache.lease(all.subarray(0, Math.min(rows, cache.slots)))
  for (const [key, slot] of lease.slots.entries()) expect(wordsOf(cache, slot)[3]).toBe(model[key])
  lease.release()
  const { prefetched, prefetchUsed, prefetchWasted } = cache.stats()
  expect(prefetchUsed + prefetchWasted).toBeLessThanOrEqual(prefetched)
  await cache.dispose()
}

describe('however leases, changes, prefetches, flushes, aborts and failures fall together, nothing stale is seen or lost', () => {
  const caseOf = (policy: CachePolicyKind, scale: Scale): fc.Arbitrary<Case> =>
    fc.record({
      rows: fc.constant(scale.rows),
      policy: fc.constant(policy),
      slots: fc.integer({ min: scale.batch, max: 2 * scale.batch }),
      stride: fc.constantFrom(ROW_BYTES, ROW_BYTES + 8),
      seed: fc.nat(2 ** 31),
      failing: fc.constantFrom(0, 0, 0.1, 0.4),
      inPlace: fc.boolean(),
      users: fc.array(fc.array(stepOf(scale), { maxLength: 25 }), { minLength: 2, maxLength: 4 }),
    })

  test.each([lru, lfu, wTinyLfu])('$name, few rows', (policy) =>
    fc.assert(fc.asyncProperty(caseOf(policy, SMALL), play), { numRuns: 150, timeout: 10_000 }),
  )
  test.each([lru, lfu, wTinyLfu])('$name, more rows than a buffer', (policy) =>
    fc.assert(fc.asyncProperty(caseOf(policy, LARGE), play), { numRuns: 40, timeout: 10_000 }),
  )
})
