import type { SlotLists } from './slot-lists.ts'

/**
 * Which slot to give up. A slot that holds a row is either held (in use, or about to be) or idle. The policy knows all of
 * them and picks among the idle ones; slots are numbered from 0. Every call is O(1),
 * amortised over what happens to the slots, and allocates nothing.
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
  /** A slot was emptied that never was idle, or that `victim` or `hold` has taken. */
  remove(slot: number): void
}

/** A kind of policy, of which each cache makes one for itself. */
export interface CachePolicyKind {
  readonly name: string
  /** How many lists of slots it keeps; they are numbered from 0. */
  readonly lists: number
  /** Bytes that it takes for so many slots, the lists not counted. */
  bytes(slots: number): number
  create(cache: PolicyCache): CachePolicy
}

/** What a policy sees of its cache. */
export interface PolicyCache {
  readonly slots: number
  /** Where it keeps the idle slots. The cache keeps those that it holds back in further lists of the same. */
  readonly lists: SlotLists
  /** The key of the row in each slot. */
  readonly keys: Uint32Array
  /**
   * Whether somebody uses the row. A policy may leave a slot in its lists when it is used, and look here when it searches;
   * `hold` has to take it out.
   */
  isHeld(slot: number): boolean
}
