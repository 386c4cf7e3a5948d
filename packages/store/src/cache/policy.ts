import type { SlotLists } from './slot-lists.ts'

/**
 * Which slot to give up. A slot that holds a row is either held (in use, or about to be) or idle. The policy knows all of
 * them and picks among the idle ones; slots are numbered from 0. Every call is O(1), amortised, and allocates nothing.
 */
export interface CachePolicy {
  /** A row is put into `slot`, which is held. */
  insert(slot: number): void
  /** Somebody asked for the row in `slot`, be it idle or held: it is held from now on. Once per row and batch. */
  use(slot: number): void
  /** Nobody uses the held `slot` any more. */
  idle(slot: number): void
  /** An idle slot must stay, though nobody asked for it yet (it was prefetched). */
  hold(slot: number): void
  /** The idle slot to give up next, held from now on (`remove` follows, or `use`, or `idle`); -1 if none is idle. */
  victim(): number
  /** The held `slot` was emptied. */
  remove(slot: number): void
}

/** A kind of policy, of which each cache makes one for itself. */
export interface CachePolicyKind {
  readonly name: string
  /** How many lists of slots it keeps; they are numbered from 0. */
  readonly lists: number
  /** Bytes that it takes for so many slots, the lists not counted. */
  bytes(slots: number): number
  /**
   * @param lists where it keeps the idle slots; the cache keeps held ones in further lists of the same
   * @param keys the key of the row in each slot, kept by the cache
   */
  create(slots: number, lists: SlotLists, keys: Uint32Array): CachePolicy
}
