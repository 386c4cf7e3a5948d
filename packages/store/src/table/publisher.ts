import { StemkitError } from '@stemkit/spec/errors'
import type { RowDriver, RowLock, RowOptions } from '@stemkit/spec/row-driver'
import { readPins } from './pins.ts'
import { partName, recordNames } from './records.ts'
import { encodeRoot, metasOf, readRoot, type Root, type RootVersion } from './root.ts'

/** The one who may replace the root of a table. */
export interface Publisher {
  readonly root: Root
  /** Versions that somebody may read: what lies in their places must stay. */
  live(): RootVersion[]
  /** @throws conflict once somebody else writes, io after the medium failed in the middle of a change */
  check(): void
  /** Checks as well, about once a second, that the root is still the one that was put here. */
  verify(): Promise<void>
  /**
   * Makes everything written so far durable, then replaces the root by `change(root)`, and makes that durable. What has been
   * retired in it and is not pinned is no longer live after it. Call it once at a time.
   */
  publish(change: (root: Root) => Root): Promise<void>
  /** Has these metas removed some time after the next change: records that no root came to name. */
  discard(names: readonly string[]): void
}

const VERIFY_MS = 1000

/**
 * Takes over the table, for which the caller holds the lock.
 * @throws conflict if somebody else takes it over at the same time
 */
export async function openPublisher(
  driver: RowDriver,
  lock: RowLock | undefined,
  leaseMs: number,
  options: RowOptions,
): Promise<Publisher> {
  const metas = metasOf(driver)
  const found = await readRoot(driver, options)
  const garbage = [...found.root.garbage, ...(await orphans(driver, found.root))]
  let root: Root = { ...found.root, writer: found.root.writer + 1, garbage }
  let rootVersion = await metas.put!('root', encodeRoot(root), { ...options, ifVersion: found.meta.version })
  // So that no later writer comes to have the same number, and names records as this one does.
  await driver.flush?.(options)
  let seen = Date.now()
  let publishing = false
  /** Garbage that could not be removed, or is not listed yet. */
  let leftover: string[] = []
  let broken: StemkitError | undefined
  /** Retired versions with a pin. */
  let held = new Set<number>()

  const fail = (error: unknown): never => {
    broken ??=
      StemkitError.isInstance(error) && error.code === 'conflict'
        ? new StemkitError('conflict', 'row table: another writer has taken over; open the table again', {
            cause: error,
          })
        : new StemkitError('io', 'row table: a snapshot failed half-way; open the table again', { cause: error })
    throw broken
  }
  const check = (): void => {
    if (lock?.lost.aborted) {
      broken ??= new StemkitError('conflict', 'row table: the lock was lost; open the table again', {
        cause: lock.lost.reason,
      })
    }
    if (broken !== undefined) throw broken
  }

  const removeGarbage = async (): Promise<void> => {
    const names = [...leftover, ...root.garbage]
    const removed = await Promise.allSettled(names.map((name) => metas.remove!(name)))
    leftover = names.filter((_, i) => removed[i]!.status === 'rejected')
  }
  const askPins = async (): Promise<void> => {
    const retired = root.versions.filter((version) => version.retired).map((version) => version.version)
    const isPinned = retired.length > 0 ? await readPins(driver, leaseMs, {}) : () => false
    held = new Set(retired.filter((version) => isPinned(version)))
  }

  const live = (): RootVersion[] => root.versions.filter(({ version, retired }) => !retired || held.has(version))

  await removeGarbage()
  await askPins()

  return {
    get root() {
      return root
    },
    live,
    check,

    async verify() {
      check()
      if (Date.now() - seen < VERIFY_MS || publishing) return
      const expected = rootVersion
      const meta = await metas.get('root')
      if (publishing || rootVersion !== expected) return
      if (meta?.version !== rootVersion) fail(new StemkitError('conflict', 'row table: the root was replaced'))
      seen = Date.now()
      check()
    },

    async publish(change) {
      check()
      const next = withoutUnused(change({ ...root, versions: live() }), leftover)
      publishing = true
      try {
        await driver.flush?.()
        check()
        rootVersion = await metas.put!('root', encodeRoot(next), { ifVersion: rootVersion })
        await driver.flush?.()
      } catch (error) {
        fail(error)
      } finally {
        publishing = false
      }
      seen = Date.now()
      leftover = []
      root = next
      held = new Set(root.versions.filter((version) => version.retired).map((version) => version.version))
      // The change stands. What cannot be cleared away now is so after the next one.
      await removeGarbage()
      await askPins().catch(() => undefined)
    },

    discard(names) {
      leftover.push(...names)
    },
  }
}

/** A root that lists only what its versions name, and the rest as garbage. */
function withoutUnused(root: Root, garbage: readonly string[]): Root {
  const overlayNumbers = new Set(root.versions.flatMap(({ overlays }) => overlays))
  const overlays = root.overlays.filter(({ number }) => overlayNumbers.has(number))
  const used = new Set([...root.versions.flatMap(({ records }) => records), ...overlayNumbers])
  return {
    ...root,
    overlays,
    records: root.records.filter(({ number }) => used.has(number)),
    garbage: [...garbage, ...root.records.filter(({ number }) => !used.has(number)).flatMap(recordNames)],
  }
}

/**
 * Parts of records that the last writer put without coming to name them: those of the change that it died in, two at most.
 * (What it had aborted before that, in the same run, stays behind; it is small, and no harm.)
 */
async function orphans(driver: RowDriver, { nextRecord, writer }: Root): Promise<string[]> {
  const names: string[] = []
  for (const number of [nextRecord, nextRecord + 1]) {
    for (let part = 0; ; part++) {
      const name = partName({ number, writer }, part)
      if ((await metasOf(driver).get(name)) === undefined) break
      names.push(name)
    }
  }
  return names
}
