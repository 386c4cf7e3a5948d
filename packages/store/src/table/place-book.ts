import type { FreePlaces } from './free-places.ts'
import { GONE, type Entries } from './records.ts'
import { sparseNumbers, type SparseNumbers } from './sparse-numbers.ts'

/** What changed between two versions. */
export interface Delta {
  /** The version that it will be. */
  readonly version: number
  /** Where changed rows lie now; `GONE` for keys that end. */
  readonly moved: SparseNumbers
  /** Where they lay before. */
  readonly left: number[]
  /** How many more rows are away from home than before. */
  movedRows: number
}

/** Places that no version from `died` on uses. */
export interface Waiting {
  readonly died: number
  places: number[]
  /** The version that they were last found to wait for. */
  holder?: number
}

/** Where rows and keys lie, the version each place was written in, and what is free. Rows that are not in it are at home. */
export interface Places {
  readonly map: SparseNumbers
  readonly born: SparseNumbers
  readonly free: FreePlaces
  readonly waiting: readonly Waiting[]
}

/** A writer's knowledge of places. */
export interface PlaceBook {
  readonly free: FreePlaces
  /** Where a row or key lies; undefined for a key that names nothing. */
  placeOf(key: number): number | undefined
  /** How many fresh places `assign` is going to take. */
  countFresh(keys: Uint32Array, delta: Delta): number
  /** Places to write rows to: those of this delta again, fresh ones for all others. The free ones must suffice. */
  assign(keys: Uint32Array, delta: Delta): Uint32Array
  /** Gives up new keys of a delta that will be no version. */
  discard(delta: Delta): void
  /** Makes a delta that will be no version a part of the one after it. */
  fold(delta: Delta, next: Delta): void
  /** A delta became a version. */
  settle(delta: Delta): void
  /** Frees the places that none of the versions `live` needs. */
  release(live: readonly number[]): void
}

export const emptyDelta = (version: number): Delta => ({ version, moved: sparseNumbers(), left: [], movedRows: 0 })

export function entriesOf({ moved }: Pick<Delta, 'moved'>): Entries {
  const ids = new Uint32Array(moved.size)
  const values = new Uint32Array(moved.size)
  let at = 0
  moved.forEach((id, place) => {
    ids[at] = id
    values[at++] = place
  })
  return { ids, values }
}

/** Where a key lies by a map of those that are not at home. */
export const placeIn = (map: SparseNumbers, key: number, rows: number): number | undefined =>
  map.get(key) ?? (key < rows ? key : undefined)

/** Puts a key into such a map. */
export function putPlace(map: SparseNumbers, key: number, place: number, rows: number): void {
  if (place === GONE || (key === place && key < rows)) map.delete(key)
  else map.set(key, place)
}

/**
 * A place is needed by the versions from the one that wrote it up to the one before its row moved on. So only the newest
 * readable version before that move has to be asked whether it is the writer or younger; no list of the places of old
 * versions is kept.
 */
export function placeBook(rows: number, { map, born, free, waiting: loaded }: Places): PlaceBook {
  let waiting = [...loaded]
  const placeOf = (key: number): number | undefined => placeIn(map, key, rows)
  const bornIn = (place: number): number => born.get(place) ?? 1
  const isOf = (place: number | undefined, { version }: Delta): place is number =>
    place !== undefined && bornIn(place) === version

  const vacate = (place: number): void => {
    free.add(place)
    born.delete(place)
  }

  const countFresh = (keys: Uint32Array, delta: Delta): number => {
    let count = 0
    for (const key of keys) if (!isOf(placeOf(key), delta)) count++
    return count
  }

  return {
    free,
    placeOf,
    countFresh,

    assign(keys, delta) {
      const fresh = free.take(countFresh(keys, delta))
      let used = 0
      return keys.map((key) => {
        const before = placeOf(key)
        if (isOf(before, delta)) return before
        const place = fresh[used++]!
        if (before !== undefined) delta.left.push(before)
        born.set(place, delta.version)
        delta.moved.set(key, place)
        const size = map.size
        putPlace(map, key, place, rows)
        if (key < rows) delta.movedRows += map.size - size
        return place
      })
    },

    discard({ moved }) {
      moved.forEach((key, place) => {
        if (place === GONE) return
        map.delete(key)
        vacate(place)
      })
    },

    fold({ moved, left, movedRows }, next) {
      next.movedRows += movedRows
      // Where the next delta has the row as well, it counts the place as left already.
      moved.forEach((id, place) => {
        if (next.moved.get(id) === undefined) next.moved.set(id, place)
      })
      for (const place of left) next.left.push(place)
    },

    settle({ version, moved, left }) {
      moved.forEach((key, place) => {
        if (place !== GONE) return
        left.push(placeOf(key)!)
        map.delete(key)
      })
      if (left.length > 0) waiting.push({ died: version, places: left })
    },

    release(live) {
      for (const group of waiting) {
        const holder = Math.max(0, ...live.filter((version) => version < group.died))
        if (holder === group.holder) continue
        group.holder = holder
        group.places = group.places.filter((place) => {
          if (bornIn(place) <= holder) return true
          vacate(place)
          return false
        })
      }
      waiting = waiting.filter(({ places }) => places.length > 0)
    },
  }
}
