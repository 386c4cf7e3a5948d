import { StemkitError } from '@stemkit/spec/errors'
import { rowCalls } from '@stemkit/spec/row-calls'
import type { RowDriver, RowLock, RowOptions } from '@stemkit/spec/row-driver'
import { payloadBytes } from '../layout.ts'
import { checkOverlay, listOverlays, loadOverlay } from '../overlay/overlays.ts'
import { committer, type Change } from './committer.ts'
import { inTurn } from '@stemkit/spec/waiting'
import { loadPlaces } from './load-places.ts'
import { emptyDelta, entriesOf, placeBook, type Delta } from './place-book.ts'
import { openPublisher } from './publisher.ts'
import { GONE } from './records.ts'
import type { RootOverlay } from './root.ts'
import { rowIo } from './row-io.ts'
import type { BlockOptions, RowTable } from './row-table.ts'
import { checkBlock, checkIds, findVersion, isAscending, noSuchRow, openVersions } from './table-checks.ts'

export interface WriterOptions extends RowOptions {
  readonly lock: RowLock | undefined
  /** How long a reader's pin holds without being renewed, where its own is not to be known. */
  readonly leaseMs: number
  readonly version?: number | undefined
  /** Called at the end of `dispose`. */
  readonly onDispose: () => Promise<void>
}

/** A table for its one writer, who holds the lock. */
export async function openWriter(driver: RowDriver, writerOptions: WriterOptions): Promise<RowTable> {
  const { lock, leaseMs, version: number, onDispose, ...opening } = writerOptions
  const publisher = await openPublisher(driver, lock, leaseMs, opening)
  const { id, layout, rows } = publisher.root
  const rowBytes = payloadBytes(layout)
  const io = rowIo(driver, layout)
  const calls = rowCalls()
  const commits = inTurn()
  const assignments = inTurn()

  const start = findVersion(publisher.root, number)
  const book = placeBook(rows, await loadPlaces(driver, publisher.root, start, publisher.live(), opening))
  const versions = committer(driver, publisher, start)
  /** Rows whose last write failed. */
  const damaged = new Set<number>()
  /** Changes that are no version yet, oldest first. New writes go into the last one. */
  const deltas: Delta[] = [emptyDelta(publisher.root.nextVersion)]
  const writes = new Map<Delta, Set<Promise<void>>>()
  let disposed: Promise<void> | undefined

  const check = (): void => {
    if (disposed !== undefined) throw new StemkitError('bad-input', 'row table: already disposed')
    publisher.check()
  }

  /** Ends the delta that writes go to. Later ones are no part of it. */
  const seal = (): Delta => {
    const sealed = deltas.at(-1)!
    deltas.push(emptyDelta(sealed.version + 1))
    return sealed
  }

  /** Places for rows, in a larger driver if need be. */
  const reserve = async (keys: Uint32Array, delta: Delta): Promise<Uint32Array> => {
    const short = book.countFresh(keys, delta) - book.free.count
    if (short > 0) {
      const before = driver.rows
      if (before + short > GONE) throw new StemkitError('unsupported', `row table: more than ${GONE} places`)
      await driver.resize!(Math.min(GONE, before + Math.max(short, Math.ceil(before / 16))))
      book.free.addRange(before, driver.rows)
    }
    return book.assign(keys, delta)
  }

  const write = (delta: Delta, keys: Uint32Array, from: Uint8Array, options: BlockOptions): Promise<void> => {
    const { at, stride, signal } = options
    const work = async (): Promise<void> => {
      await publisher.verify()
      const places = await assignments(() => reserve(keys, delta))
      const stop = [signal, lock?.lost].filter((each) => each !== undefined)
      try {
        await io.write(
          { ids: keys, places, at, stride, signal: stop.length > 1 ? AbortSignal.any(stop) : stop[0] },
          from,
        )
        for (const key of keys) damaged.delete(key)
      } catch (error) {
        for (const key of keys) damaged.add(key)
        publisher.check()
        throw error
      }
    }
    const done = calls.run({ write: keys }, work, signal)
    const mine = writes.get(delta) ?? new Set()
    writes.set(delta, mine.add(done))
    const forget = (): unknown => mine.delete(done) && mine.size === 0 && writes.delete(delta)
    done.then(forget, forget)
    return done
  }

  /** Makes a delta, the oldest there is, a version. */
  const commit = async (delta: Delta, change: Change): Promise<void> => {
    for (const row of damaged) {
      throw new StemkitError('io', `row table: no snapshot, as row ${row} was not written whole; write it again`)
    }
    await versions.commit(delta, change)
    book.settle(delta)
    deltas.shift()
    release()
  }

  /** Frees what no version needs. No read is under way there: a row moves on only after the reads that were asked before. */
  const release = (): void => book.release(publisher.live().map(({ version }) => version))

  /** Makes a version of a delta that `fill` makes, of no rows but its own. */
  const commitAlone = (fill: (delta: Delta) => Promise<Change>): Promise<void> =>
    commits(async () => {
      publisher.check()
      if (deltas.length > 1 || deltas[0]!.moved.size > 0 || writes.size > 0) {
        throw new StemkitError('conflict', 'row table: rows were written since the last snapshot; take one first')
      }
      const delta = seal()
      try {
        const change = await fill(delta)
        // Keys that end do so after the reads under way.
        await calls.run({ write: entriesOf(delta).ids }, () => commit(delta, change))
      } catch (error) {
        if (deltas[0] === delta) {
          deltas.shift()
          delta.moved.forEach((key) => damaged.delete(key))
          book.discard(delta)
        }
        throw error
      }
    })

  return {
    id,
    rows,
    layout,
    rowBytes,
    writable: true,
    takesAt: true,
    get version() {
      return versions.standing.version
    },
    get content() {
      return versions.standing.content
    },
    get overlays() {
      return listOverlays(publisher.root, versions.standing)
    },

    async read(ids, into, options = {}) {
      checkBlock(rowBytes, ids, into, options)
      const work = (): Promise<void> => {
        const places = ids.map((key) => {
          if (damaged.has(key)) {
            throw new StemkitError('io', `row table: row ${key} was not written whole; write it again`)
          }
          const place = book.placeOf(key)
          if (place === undefined) throw noSuchRow(key, rows)
          return place
        })
        return io.read({ ...options, ids, places }, into)
      }
      await calls.run({ read: isAscending(ids) ? ids : ids.toSorted() }, work, options.signal)
    },

    async write(ids, from, options = {}) {
      check()
      checkIds(ids, rows)
      checkBlock(rowBytes, ids, from, options)
      await write(deltas.at(-1)!, ids, from, options)
    },

    async snapshot({ keep = false, note, ...options } = {}) {
      check()
      options.signal?.throwIfAborted()
      const delta = seal()
      return commits(async () => {
        await Promise.allSettled(writes.get(delta) ?? [])
        try {
          const isNew = delta.moved.size > 0 || damaged.size > 0 || keep || note !== undefined
          if (isNew) await commit(delta, { kept: keep, note, ...options })
        } finally {
          if (deltas[0] === delta) {
            deltas.shift()
            book.fold(delta, deltas[0]!)
          }
        }
        return versions.standing.version
      })
    },

    async versions() {
      return openVersions(publisher.root)
    },

    async drop(version) {
      check()
      await commits(async () => {
        await versions.drop(version)
        release()
      })
    },

    async refresh() {
      return versions.standing.version
    },

    async addOverlay(name, ids, from, { note, base, ...options } = {}) {
      checkBlock(rowBytes, ids, from)
      const isOther = base !== undefined && base.table !== id
      let overlay: RootOverlay | undefined
      await commitAlone(async (delta) => {
        const { root } = publisher
        checkOverlay(name, ids, isOther ? base.rows : rows, listOverlays(root, versions.standing))
        const nextKey = root.nextKey + ids.length
        if (nextKey > GONE)
          throw new StemkitError('unsupported', 'row table: no keys left for overlays; copy the table')
        const keys = ids.map((_, i) => root.nextKey + i)
        await write(delta, keys, from, options)
        overlay = {
          number: versions.nextRecord(),
          name,
          ...(note !== undefined && { note }),
          rows: ids.length,
          base: isOther
            ? { table: base.table, content: base.content }
            : { table: id, content: versions.standing.content },
        }
        return {
          overlays: [...versions.standing.overlays, overlay.number],
          added: { overlay, keys: { ids, values: keys }, nextKey },
          ...options,
        }
      })
      return overlay!
    },

    async removeOverlay(name, options = {}) {
      await commitAlone(async (delta) => {
        const { overlay, entries } = await loadOverlay(driver, publisher.root, versions.standing, name, options)
        for (const key of entries.values) delta.moved.set(key, GONE)
        return { overlays: versions.standing.overlays.filter((other) => other !== overlay.number), ...options }
      })
    },

    async overlayKeys(name, options = {}) {
      const { entries } = await loadOverlay(driver, publisher.root, versions.standing, name, options)
      return { ids: entries.ids, keys: entries.values }
    },

    dispose() {
      disposed ??= (async () => {
        await commits(() => undefined)
        await calls.end()
        await lock?.release()
        await onDispose()
      })()
      return disposed
    },
  }
}
