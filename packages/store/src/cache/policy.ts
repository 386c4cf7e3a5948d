/** Which slot to give up. Told of everything that happens to the slots of a cache; slots are numbered from 0. */
export interface CachePolicy {
  readonly name: string
  /** A row was asked for and is in `slot`. Once per row and batch. */
  hit(slot: number, key: number): void
  /** A row was asked for, was not there, and was put into `slot`. */
  insert(slot: number, key: number): void
  /** The slot was emptied. */
  remove(slot: number): void
  /** The slot to give up next among those for which `usable` is true; -1 if there is none. */
  victim(usable: (slot: number) => boolean): number
}

export type CreateCachePolicy = (slots: number) => CachePolicy
