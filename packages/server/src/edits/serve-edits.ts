import type { EditedTable } from '@stemkit/edit'
import type { RowSource } from '@stemkit/generate'
import { StemkitError } from '@stemkit/spec/errors'
import type { RowOptions } from '@stemkit/spec/row-driver'
import { inTurn, unlessAborted } from '@stemkit/spec/waiting'
import type { OverlayKeys, RowStore, RowTable } from '@stemkit/store'
import { after, every } from '../timers.ts'
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
  /**
   * Looks at the edits as they are now, those of other processes included; `tables` names the version that `work` sees.
   * @throws io where the store does not answer in time; the reason of `signal`; what `work` throws
   */
  look<T>(work: (edited: EditedTable, tables: string) => Promise<T>, options?: RowOptions): Promise<T>
  /**
   * Changes edits, one after the other. Requests that come once this has resolved read what was made. `signal` ends the waiting,
   * for the turn or for the store; what `work` had begun may have been made all the same.
   * @throws conflict where somebody else writes, or the rows below have moved on; the reason of `signal`; what `work` throws
   */
  change<T>(work: (edited: EditedTable) => Promise<T>, options?: RowOptions): Promise<T>
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
  /** Milliseconds from one look for edits of other processes to the next, be it for an overlay that is not known. Default 1 s. */
  readonly lookMs?: number | undefined
  /** Milliseconds that a look for edits waits for the store before it is given up, until the next one. Default 30 s. */
  readonly lookTimeoutMs?: number | undefined
  readonly signal?: AbortSignal | undefined
}

const BUDGET = 64 * 2 ** 20
const LOOK_MS = 1000
const LOOK_TIMEOUT_MS = 30_000

/**
 * Follows the edits over a model's tables, of this process and of others. Every version is read through a table of its
 * own, as long as any request reads it.
 * @throws conflict if the table is not that of `rows`; what opening throws
 */
export async function serveEdits(options: ServeEditsOptions): Promise<ServedEdits> {
  const { rows, openTable, budget = BUDGET, lookMs = LOOK_MS, lookTimeoutMs = LOOK_TIMEOUT_MS, signal } = options
  const turns = inTurn()
  const leaving = new Set<Promise<void>>()
  const known = new Map<number, OverlayKeys>()
  let current = await standOnNewest(signal ? { signal } : {})
  let soughtAt = -Infinity
  let seeking: Promise<void> | undefined
  /** Of the look under way. */
  let patience: AbortController | undefined
  /** A look that is to begin. */
  let next: Promise<void> | undefined
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

  /** Moves to the newest version if that differs in overlays alone, and opens it anew if the hold on it ran out. */
  const follow = async (cancel: RowOptions & { readonly signal: AbortSignal }): Promise<void> => {
    const before = current
    const versions = await unlessAborted(before.table.versions(cancel), cancel.signal)
    const newest = versions.reduce((a, b) => (b.version > a.version ? b : a))
    requireNoLoss(newest.version, before.table.version)
    const isNews = newest.version > before.table.version && newest.content === rows.content
    if (!isNews && (await before.isHeld())) return
    const opening = standOnNewest(cancel)
    try {
      current = await unlessAborted(opening, cancel.signal)
    } catch (error) {
      // It may come yet, and nobody waits for it any more.
      void opening.then((late) => late.dispose()).catch(() => {})
      throw error
    }
    leave(before)
  }

  /** A look in its turn, given up when the store does not answer: what waits behind it has to go on. */
  const look = async (): Promise<void> => {
    if (isDisposed) return
    const controller = (patience = new AbortController())
    const seconds = lookTimeoutMs / 1000
    const timer = after(lookTimeoutMs, () =>
      controller.abort(new StemkitError('io', `edits: their store did not answer within ${seconds} s; try again`)),
    )
    try {
      await follow({ signal: controller.signal })
    } finally {
      clearTimeout(timer)
    }
  }

  /** A look that begins from now on. All who wait for one share it: if the store hangs, no more are queued behind it. */
  const lookAnew = (): Promise<void> => {
    next ??= turns(() => {
      next = undefined
      return look()
    })
    // Requests go on with what is known, if the store is away.
    next.catch(() => {})
    return next
  }
  const stopLooking = every(lookMs, () => void lookAnew())

  const seek = (): Promise<void> => {
    soughtAt = performance.now()
    return lookAnew()
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

  async function write<T>(work: (edited: EditedTable) => Promise<T>, cancel: RowOptions): Promise<T> {
    const table = await openTable('write', cancel)
    try {
      requireSameRows(table, rows)
      cancel.signal?.throwIfAborted()
      return await work({ table })
    } finally {
      await table.dispose()
    }
  }

  return {
    get tables() {
      return current.name
    },

    async use(overlay, { signal: cancel } = {}) {
      if (overlay !== undefined && !current.has(overlay)) {
        if (performance.now() - soughtAt >= lookMs) seeking ??= seek().finally(() => (seeking = undefined))
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

    async look(work, { signal: cancel } = {}) {
      await unlessAborted(lookAnew(), cancel)
      const stand = current
      const release = hold(stand)
      try {
        return await work({ table: stand.table }, stand.name)
      } finally {
        release()
      }
    },

    async change(work, cancel = {}) {
      const turn = turns(async () => {
        if (isDisposed) throw new StemkitError('bad-input', 'edits: the server has ended')
        cancel.signal?.throwIfAborted()
        // Nothing is changed where requests could not come to read it.
        await look()
        try {
          return await unlessAborted(write(work, cancel), cancel.signal)
        } finally {
          // If it fails, the next look will find it.
          await look().catch(() => {})
        }
      })
      return unlessAborted(turn, cancel.signal)
    },

    async dispose() {
      isDisposed = true
      stopLooking()
      patience?.abort(new StemkitError('bad-input', 'edits: the server has ended'))
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

/** Numbers of versions only grow. What comes after a loss has numbers that other rows had here. */
function requireNoLoss(newest: number, seen: number): void {
  if (newest >= seen) return
  throw new StemkitError(
    'io',
    `edits: the store has lost version ${seen}, its newest is ${newest}; start the server again to read and edit that`,
  )
}
