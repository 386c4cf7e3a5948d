import { StemkitError } from '@stemkit/spec/errors'
import type { RowOptions } from '@stemkit/spec/row-driver'
import { planCache, smallestBudget, type CacheGeometry } from './cache-memory.ts'
import { createCacheMeter } from './cache-meter.ts'
import type { Lease, ReleaseOptions, RowCache, RowCacheOptions } from './cache-types.ts'
import { createChanges } from './changes.ts'
import { createFetching } from './fetching.ts'
import { NONE, PIN } from './slot-state.ts'
import { createSlotTable } from './slot-table.ts'
import { createTransfers } from './transfers.ts'
import { wTinyLfu } from './w-tiny-lfu.ts'
import { createWriteBack } from './write-back.ts'

/**
 * A cache of a source's rows within a fixed number of bytes. A row that is dirty here is never read from the source, nor
 * is its slot given up before it was written, so that nobody sees an old row and no change is lost.
 * @throws bad-input if the budget or the memory holds no row, or the stride is less than one
 */
export function createRowCache(options: RowCacheOptions): RowCache {
  const { source, policy = wTinyLfu } = options
  const { rows, rowBytes } = source
  const stride = options.stride ?? rowBytes
  const geometry: CacheGeometry = {
    budget: options.budget,
    rowBytes,
    stride,
    policy,
    ...(options.memory ? { memoryBytes: options.memory.bytes.length } : {}),
  }
  checkGeometry(geometry)
  const plan = planCache(geometry)
  const { slots: capacity } = plan
  let memory: { readonly bytes: Uint8Array } = options.memory ?? { bytes: new Uint8Array(capacity * stride) }

  const meter = createCacheMeter()
  const changes = createChanges()
  const table = createSlotTable(plan, policy, meter)
  const { state } = table
  let disposed = false

  const checkOpen = (): void => {
    if (disposed) throw new StemkitError('not-found', 'row cache: already disposed')
  }
  const checkKeys = (keys: Uint32Array): void => {
    for (let i = 0, last = -1; i < keys.length; i++) {
      const key = keys[i]!
      if (key <= last) throw new StemkitError('bad-input', `row cache: key ${key} after ${last}, not ascending`)
      last = key
    }
    const last = keys.at(-1)
    if (last !== undefined && last >= rows) {
      throw new StemkitError('bad-input', `row cache: row ${last} is not one of ${rows}`)
    }
  }

  // Memory of others may be moved while a read or a write is under way, unless it is shared.
  const isSteady = options.memory === undefined || isShared(options.memory.bytes.buffer)
  const inPlace = source.takesAt === true && isSteady
  const transfers = createTransfers({
    source,
    table,
    plan,
    stride,
    memory: () => memory.bytes,
    inPlace,
    meter,
    changes,
  })
  const writeBack = createWriteBack(table, transfers, changes)
  const isDisposed = (): boolean => disposed
  const fetching = createFetching({ table, plan, transfers, writeBack, changes, meter, checkOpen, isDisposed })

  const leaseOf = (slots: Uint32Array): Lease => {
    let released = false
    return {
      slots,
      release({ changed = false }: ReleaseOptions = {}) {
        if (released || disposed) return
        const some = typeof changed === 'boolean' ? undefined : changed
        if (some && some.length !== slots.length) {
          throw new StemkitError('bad-input', `row cache: ${some.length} flags for the ${slots.length} rows of a lease`)
        }
        if (!source.write && (some ? some.some((flag) => flag !== 0) : changed)) {
          throw new StemkitError('unsupported', 'row cache: rows were changed, but their source is read-only')
        }
        released = true
        table.unpinAll(slots, changed)
        changes.notify()
      },
    }
  }

  /** Whether rows can all be pinned now, with those that are pinned already and those that others were promised. */
  const hasRoom = (keys: Uint32Array): boolean => {
    let more = 0
    for (const key of keys) {
      const slot = table.find(key)
      if (slot < 0 || state[slot]! < PIN) more++
    }
    return table.pinned + fetching.reserved + more <= capacity
  }

  const tooMany = (count: number): StemkitError => {
    const most = geometry.memoryBytes === undefined ? Infinity : Math.floor(geometry.memoryBytes / stride)
    return new StemkitError(
      'bad-input',
      `row cache: a batch needs ${count} rows at once, ${count * stride} bytes; ${
        count > most ? `the memory given holds ${most}, and ` : ''
      }a budget of ${geometry.budget} bytes holds ${capacity}; the smallest that works is ${smallestBudget(geometry, count)}`,
    )
  }

  return {
    slots: capacity,
    rowBytes,
    stride,
    get bytes() {
      return memory.bytes
    },

    async lease(keys, { signal }: RowOptions = {}) {
      signal?.throwIfAborted()
      checkOpen()
      writeBack.throwFailure()
      checkKeys(keys)
      const count = keys.length
      if (count > capacity) throw tooMany(count)
      const slots = new Uint32Array(count)
      const start = performance.now()
      let waited = false
      // Nothing is pinned before all of it can be: who waits holds nothing that others wait for.
      while (table.pinned + fetching.reserved + count > capacity && !hasRoom(keys)) {
        waited = true
        await changes.next(signal)
        checkOpen()
      }
      const usable = table.pinAll(keys, slots)
      meter.hits += usable
      table.tick()
      if (usable < count) {
        waited = true
        meter.misses += count - usable
        fetching.reserve(slots.reduce((absent, slot) => absent + Number(slot === NONE), 0))
        await fetching.fetch(keys, slots, signal)
      }
      if (waited) {
        meter.waits++
        meter.waitedMs += performance.now() - start
      }
      return leaseOf(slots)
    },

    async prefetch(keys, { signal }: RowOptions = {}) {
      signal?.throwIfAborted()
      checkOpen()
      checkKeys(keys)
      await fetching.prefetch(keys, signal)
    },

    async flush({ signal }: RowOptions = {}) {
      checkOpen()
      await writeBack.flush(signal)
    },

    drop(keys) {
      checkOpen()
      for (const key of keys) {
        const slot = table.find(key)
        if (slot >= 0 && state[slot]! >= PIN) throw new StemkitError('conflict', `row cache: row ${key} is leased`)
      }
      for (const key of keys) {
        const slot = table.find(key)
        if (slot >= 0) table.drop(slot)
      }
      changes.notify()
    },

    clear() {
      checkOpen()
      if (table.pinned > 0) throw new StemkitError('conflict', `row cache: ${table.pinned} rows are leased`)
      for (let slot = 0; slot < capacity; slot++) {
        if (table.find(table.keys[slot]!) === slot) table.drop(slot)
      }
      changes.notify()
    },

    stats() {
      const { hits, misses, rowsRead, rowsWritten } = meter
      return {
        hits,
        misses,
        hitRate: hits === 0 ? 0 : hits / (hits + misses),
        prefetched: meter.prefetched,
        prefetchUsed: meter.prefetchUsed,
        prefetchWasted: meter.prefetchWasted,
        prefetchRefused: meter.prefetchRefused,
        evictions: meter.evictions,
        rowsRead,
        bytesRead: rowsRead * rowBytes,
        rowsWritten,
        bytesWritten: rowsWritten * rowBytes,
        waits: meter.waits,
        waitedMs: meter.waitedMs,
        readMs: meter.readMs(),
        slots: capacity,
        resident: table.resident,
        pinned: table.pinned,
        dirty: table.dirty,
        memoryBytes: plan.bytes,
      }
    },

    async dispose() {
      if (disposed) return
      disposed = true
      changes.notify()
      await transfers.idle()
      memory = { bytes: new Uint8Array(0) }
    },
  }
}

const isShared = (buffer: ArrayBufferLike): boolean =>
  typeof SharedArrayBuffer !== 'undefined' && buffer instanceof SharedArrayBuffer

function checkGeometry({ budget, rowBytes, stride }: CacheGeometry): void {
  if (!(budget > 0 && budget < Infinity)) {
    throw new StemkitError('bad-input', `row cache: a budget of ${budget} bytes`)
  }
  if (!Number.isInteger(stride) || stride < rowBytes) {
    throw new StemkitError('bad-input', `row cache: a stride of ${stride} bytes for rows of ${rowBytes}`)
  }
}
