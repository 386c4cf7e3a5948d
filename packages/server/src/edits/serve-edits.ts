import type { EditedTable } from '@stemkit/edit'
import type { RowSource } from '@stemkit/generate'
import { StemkitError } from '@stemkit/spec/errors'
import type { RowOptions } from '@stemkit/spec/row-driver'
import { inTurn, unlessAborted } from '@stemkit/spec/waiting'
import type { OverlayKeys, RowStore, RowTable } from '@stemkit/store'
import { openStand, type Stand } from './stand.ts'

/** The edits over a model's tables, as requests read them. */
export interface ServedEdits {
  /** What a request that comes now reads: table and version, `+edits` where edits lie over it. */
  readonly tables: string
  /**
   * Rows for one request: those that everybody's edits left, and over them an overlay. They stay as they are, whatever
   * changes meanwhile, until `release`. A name that ends with `/` stands for all overlays that begin so. Only a request for an
   * overlay that is not known may wait for edits under way.
   * @throws not-found for an overlay that is not there; the reason of `signal`
   */
  use(overlay?: string, options?: RowOptions): Promise<UsedRows>
  /** Looks at the edits as they are now, those of other processes included. */
  look<T>(work: (edited: EditedTable) => Promise<T>): Promise<T>
  /**
   * Changes edits, one after the other. Requests that come once this has resolved read what was made.
   * @throws conflict where somebody else writes, or the rows below have moved on; what `work` throws
   */
  change<T>(work: (edited: EditedTable) => Promise<T>): Promise<T>
  /** To be called once no request runs any more; waits for a change under way. The model and its rows stay open. */
  dispose(): Promise<void>
}

export interface UsedRows {
  readonly rows: RowSource
  release(): void
}

export interface ServeEditsOptions {
  /** The model's own, through whose memory the rows that no edit changed are read. */
  readonly rows: RowStore
  /**
   * Opens their table anew: to read the version that is the newest then, or to write. What it opens is disposed here.
   * Readers should hold their version, so open the rows so that a pin can be put.
   */
  readonly openTable: (mode: 'read' | 'write', options: RowOptions) => Promise<RowTable>
  /** Bytes of memory for rows that edits changed. Default 64 MiB, or less where they need less. */
  readonly budget?: number | undefined
  readonly signal?: AbortSignal | undefined
}

const BUDGET = 64 * 2 ** 20
/** How long what other processes change may go unnoticed while requests come, and overlays that are not known unsought. */
const LOOK_MS = 1000

/**
 * Follows the edits over a model's tables, of this process and of others. Every version is read through a table of its
 * own, as long as any request reads it.
 * @throws conflict if the table is not that of `rows`; what opening throws
 */
export async function serveEdits(options: ServeEditsOptions): Promise<ServedEdits> {
  const { rows, openTable, budget = BUDGET, signal } = options
  const turns = inTurn()
  const leaving = new Set<Promise<void>>()
  const known = new Map<number, OverlayKeys>()
  let current = await standOnNewest(signal ? { signal } : {})
  let lookedAt = performance.now()
  let soughtAt = -Infinity
  let looking: Promise<void> | undefined
  let seeking: Promise<void> | undefined
  let isDisposed = false

  async function standOnNewest(cancel: RowOptions): Promise<Stand> {
    const table = await openTable('read', cancel)
    try {
      requireSameRows(table, rows)
      return await openStand(table, { base: rows, budget, known })
    } catch (error) {
      await table.dispose()
      throw error
    }
  }

  const leave = (stand: Stand): void => {
    if (stand.users > 0 || (stand === current && !isDisposed)) return
    // No request waits for that, nor for what cannot be closed.
    const closing = stand.dispose().catch(() => {})
    leaving.add(closing)
    void closing.then(() => leaving.delete(closing))
  }

  /** Moves to the newest version, if that differs in overlays alone. */
  const follow = async (): Promise<void> => {
    lookedAt = performance.now()
    const versions = await current.table.versions()
    const newest = versions.reduce((a, b) => (b.version > a.version ? b : a))
    if (newest.version === current.table.version || newest.content !== rows.content) return
    const before = current
    current = await standOnNewest({})
    leave(before)
  }

  /** One look at a time: if the medium hangs, no more are queued behind it. */
  const lookAround = (): Promise<void> => {
    looking ??= turns(follow).finally(() => (looking = undefined))
    // Requests go on with what is known, if the medium is away.
    looking.catch(() => {})
    return looking
  }

  const seek = async (): Promise<void> => {
    soughtAt = performance.now()
    // A look that has begun may have missed it.
    await looking?.catch(() => {})
    await lookAround()
  }

  const hold = (stand: Stand): (() => void) => {
    stand.users++
    let isHeld = true
    return () => {
      if (!isHeld) return
      isHeld = false
      stand.users--
      leave(stand)
    }
  }

  return {
    get tables() {
      return current.name
    },

    async use(overlay, { signal: cancel } = {}) {
      if (performance.now() - lookedAt >= LOOK_MS) void lookAround()
      if (overlay !== undefined && !current.has(overlay)) {
        if (performance.now() - soughtAt >= LOOK_MS) seeking ??= seek().finally(() => (seeking = undefined))
        if (seeking) await unlessAborted(seeking, cancel)
      }
      const stand = current
      const release = hold(stand)
      try {
        return { rows: await unlessAborted(stand.rowsOver(overlay), cancel), release }
      } catch (error) {
        release()
        throw error
      }
    },

    async look(work) {
      await turns(follow)
      const stand = current
      const release = hold(stand)
      try {
        return await work({ table: stand.table })
      } finally {
        release()
      }
    },

    change: (work) =>
      turns(async () => {
        if (isDisposed) throw new StemkitError('bad-input', 'edits: the server has ended')
        const table = await openTable('write', {})
        try {
          requireSameRows(table, rows)
          return await work({ table })
        } finally {
          await table.dispose()
          // If it fails, the next request tries again.
          await follow().catch(() => (lookedAt = -Infinity))
        }
      }),

    async dispose() {
      isDisposed = true
      await turns(async () => {})
      await current.dispose()
      await Promise.all(leaving)
    },
  }
}

function requireSameRows(table: RowTable, { id, content }: Pick<RowStore, 'id' | 'content'>): void {
  if (table.id === id && table.content === content) return
  throw new StemkitError(
    'conflict',
    'edits: the rows have changed since the model was loaded; start the server again to read and edit them',
  )
}
