import type { RowDriver, RowOptions } from '@stemkit/spec/row-driver'
import { extendChain } from './chain.ts'
import { entriesOf, type Delta } from './place-book.ts'
import type { Publisher } from './publisher.ts'
import { GONE, putRecord, recordNames, type Entries, type RecordRef } from './records.ts'
import { metasOf, type RootOverlay, type RootVersion } from './root.ts'
import { findVersion } from './table-checks.ts'

/** What a version is to have besides changed rows. */
export interface Change extends RowOptions {
  readonly kept?: boolean
  readonly note?: string | undefined
  /** Numbers of its overlays. Default: those of the version before. */
  readonly overlays?: readonly number[]
  /** A new one among them. */
  readonly added?: { readonly overlay: RootOverlay; readonly keys: Entries; readonly nextKey: number }
}

/** Makes changes of a table's places versions of it. One call at a time. */
export interface Committer {
  /** The newest version that this writer made or started from. */
  readonly standing: RootVersion
  /** Makes `delta` a version. If it rejects there is none, and `delta` can be tried again or become a part of the next. */
  commit(delta: Delta, change: Change): Promise<void>
  drop(version: number): Promise<void>
  /** A number for a record. */
  nextRecord(): number
}

export function committer(driver: RowDriver, publisher: Publisher, from: RootVersion): Committer {
  const metas = metasOf(driver)
  const { rows, writer } = publisher.root
  let standing = from
  let { nextRecord } = publisher.root

  /** Puts the records that the version is going to name. */
  const putRecords = async (changed: Entries, added: Change['added'], options: RowOptions) => {
    const records: RecordRef[] = []
    let chain = standing.records
    const put = async (number: number, entries: Entries): Promise<void> => {
      const record = { number, writer, entries: entries.ids.length }
      records.push(record)
      await putRecord(metas, record, entries, options)
    }
    try {
      publisher.check()
      if (added !== undefined) await put(added.overlay.number, added.keys)
      if (changed.ids.length > 0) {
        const { before, entries } = await extendChain(metas, publisher.root, standing.records, changed, options)
        const number = nextRecord++
        await put(number, entries)
        chain = [...before, number]
      }
      options.signal?.throwIfAborted()
      return { records, chain }
    } catch (error) {
      publisher.discard(records.flatMap(recordNames))
      throw error
    }
  }

  return {
    get standing() {
      return standing
    },
    nextRecord: () => nextRecord++,

    async commit(delta, change) {
      const { kept = false, note, overlays = standing.overlays, added, ...options } = change
      const changed = entriesOf(delta)
      const { records, chain } = await putRecords(changed, added, options)
      const parent = standing.version
      const version: RootVersion = {
        version: delta.version,
        content: (changed.ids[0] ?? rows) < rows ? delta.version : standing.content,
        movedRows: standing.movedRows + delta.movedRows,
        kept,
        ...(note !== undefined && { note }),
        records: chain,
        overlays,
      }
      const isStaying = (old: RootVersion): boolean => old.kept && old.version <= parent
      await publisher.publish((root) => ({
        ...root,
        places: changed.values.reduce(
          (most, place) => (place === GONE ? most : Math.max(most, place + 1)),
          root.places,
        ),
        nextVersion: delta.version + 1,
        nextRecord,
        nextKey: added?.nextKey ?? root.nextKey,
        versions: [...root.versions.map((old) => (isStaying(old) ? old : { ...old, retired: true as const })), version],
        overlays: added === undefined ? root.overlays : [...root.overlays, added.overlay],
        records: [...root.records, ...records],
      }))
      standing = version
    },

    async drop(number) {
      publisher.check()
      findVersion(publisher.root, number)
      const isStanding = number === standing.version
      await publisher.publish((root) => ({
        ...root,
        versions: root.versions.map((version) =>
          version.version === number ? { ...version, kept: false, ...(!isStanding && { retired: true }) } : version,
        ),
      }))
      if (isStanding) standing = { ...standing, kept: false }
    },
  }
}
