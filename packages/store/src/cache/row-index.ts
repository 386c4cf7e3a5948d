/** Which slot a key lies in. Knows nothing of the keys but where to find them: `keys[slot]`. */
export interface RowIndex {
  /** -1 if the key is in no slot. */
  find(key: number): number
  /** Adds a slot whose key is in none yet. */
  add(slot: number): void
  /** Forgets a slot, while its key is still in `keys`. */
  remove(slot: number): void
}

/** A third of the places stay empty, so that a search ends soon. */
const placesFor = (slots: number): number => Math.ceil(1.5 * slots) + 1

export const rowIndexBytes = (slots: number): number => 4 * placesFor(slots)

/** A hash table with open addressing: 6 bytes per slot, for any 32-bit keys. */
export function createRowIndex(slots: number, keys: Uint32Array): RowIndex {
  const places = placesFor(slots)
  const table = new Uint32Array(places) // slot + 1; 0 where empty
  const scale = places / 2 ** 32

  const home = (key: number): number => ((Math.imul(key, 0x9e3779b1) >>> 0) * scale) >>> 0
  const after = (place: number): number => (place + 1 === places ? 0 : place + 1)
  /** How far a place lies behind another, going round. */
  const distance = (from: number, to: number): number => (to >= from ? to - from : to - from + places)

  return {
    find(key) {
      for (let place = home(key); ; place = after(place)) {
        const entry = table[place]!
        if (entry === 0) return -1
        if (keys[entry - 1] === key) return entry - 1
      }
    },
    add(slot) {
      let place = home(keys[slot]!)
      while (table[place] !== 0) place = after(place)
      table[place] = slot + 1
    },
    remove(slot) {
      let hole = home(keys[slot]!)
      while (table[hole] !== slot + 1) hole = after(hole)
      // What lies behind the hole moves into it, unless it would then lie before its home.
      for (let place = after(hole); table[place] !== 0; place = after(place)) {
        if (distance(home(keys[table[place]! - 1]!), place) < distance(hole, place)) continue
        table[hole] = table[place]!
        hole = place
      }
      table[hole] = 0
    },
  }
}
