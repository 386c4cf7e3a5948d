import { StemkitError } from '@stemkit/spec/errors'
import type { RowDriver, RowOptions } from '@stemkit/spec/row-driver'
import { payloadBytes } from '../layout.ts'
import { listOverlays, loadOverlay } from '../overlay/overlays.ts'
import { inTurn } from '@stemkit/spec/waiting'
import { loadMap } from './load-places.ts'
import { takeLease, type Lease } from './pins.ts'
import { placeIn } from './place-book.ts'
import { metasOf, readRoot, type Root, type RootVersion } from './root.ts'
import { rowIo } from './row-io.ts'
import type { RowTable } from './row-table.ts'
import { checkBlock, findVersion, noSuchRow, openVersions } from './table-checks.ts'
import type { SparseNumbers } from './sparse-numbers.ts'

/** A version in use. */
interface Stand {
  readonly root: Root
  readonly version: RootVersion
  readonly map: SparseNumbers
  /** Absent where the driver cannot put metas: then nothing holds the version. */
  readonly lease: Lease | undefined
  readonly reads: Set<Promise<void>>
}

export interface ReaderOptions extends RowOptions {
  readonly version?: number | undefined
  readonly leaseMs: number
}

/** A table for one of many who read it. */
export async function openReader(
  driver: RowDriver,
  { version, leaseMs, ...opening }: ReaderOptions,
): Promise<RowTable> {
  let stand = await standOn(driver, version, leaseMs, opening)
  const { id, layout, rows } = stand.root
  const rowBytes = payloadBytes(layout)
  const io = rowIo(driver, layout)
  const turns = inTurn()
  let disposed: Promise<void> | undefined

  const leave = async ({ reads, lease }: Stand): Promise<void> => {
    await Promise.allSettled(reads)
    // Nobody waits for a hold that cannot be given back: it runs out by itself.
    await lease?.release().catch(() => undefined)
  }
  const check = (): void => {
    if (disposed !== undefined) throw new StemkitError('bad-input', 'row table: already disposed')
  }
  const refuse = (): Promise<never> =>
    Promise.reject(new StemkitError('unsupported', "row table: opened for reading; open it with mode 'write'"))

  return {
    id,
    rows,
    layout,
    rowBytes,
    writable: false,
    takesAt: true,
    get version() {
      return stand.version.version
    },
    get content() {
      return stand.version.content
    },
    get overlays() {
      return listOverlays(stand.root, stand.version)
    },

    async read(ids, into, options = {}) {
      check()
      options.signal?.throwIfAborted()
      checkBlock(rowBytes, ids, into, options)
      const { map, lease, reads } = stand
      const work = async (): Promise<void> => {
        lease?.check()
        const places = ids.map((key) => {
          const place = placeIn(map, key, rows)
          if (place === undefined) throw noSuchRow(key, rows)
          return place
        })
        try {
          await io.read({ ...options, ids, places }, into)
        } finally {
          // If the hold ran out meanwhile, what was read may be of another version, or fail for that reason.
          lease?.check()
        }
      }
      const done = work()
      reads.add(done)
      await done.finally(() => reads.delete(done))
    },

    async versions(options = {}) {
      check()
      return openVersions((await readRoot(driver, options)).root)
    },

    async refresh(options = {}) {
      check()
      return turns(async () => {
        const before = stand
        stand = await standOn(driver, undefined, leaseMs, options)
        await leave(before)
        return stand.version.version
      })
    },

    overlayKeys: async (name, options = {}) => {
      check()
      const { entries } = await loadOverlay(driver, stand.root, stand.version, name, options)
      return { ids: entries.ids, keys: entries.values }
    },

    write: refuse,
    snapshot: refuse,
    drop: refuse,
    addOverlay: refuse,
    removeOverlay: refuse,

    dispose() {
      disposed ??= turns(async () => {
        await leave(stand)
        await driver.dispose()
      })
      return disposed
    },
  }
}

/** Pins a version, without a number the newest, and loads where its rows are. `pins.ts` says why this is safe. */
async function standOn(
  driver: RowDriver,
  number: number | undefined,
  leaseMs: number,
  options: RowOptions,
): Promise<Stand> {
  const isPinned = metasOf(driver).put !== undefined
  for (;;) {
    const { root } = await readRoot(driver, options)
    const version = findVersion(root, number)
    const lease = isPinned ? await takeLease(driver, version.version, leaseMs, options) : undefined
    try {
      const now = isPinned ? (await readRoot(driver, options)).root : root
      if (now.versions.some((other) => other.version === version.version && !other.retired)) {
        const map = await loadMap(driver, now, version, options)
        return { root: now, version, map, lease, reads: new Set() }
      }
    } catch (error) {
      await lease?.release().catch(() => undefined)
      throw error
    }
    await lease?.release()
  }
}
