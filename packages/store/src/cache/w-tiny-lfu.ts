import { createFrequencySketch, frequencySketchBytes } from './frequency-sketch.ts'
import type { CachePolicyKind } from './policy.ts'

const WINDOW = 0
const PROBATION = 1
const PROTECTED = 2

/** Shares: of the window in all slots, and of the protected ones in the rest. */
const WINDOW_SHARE = 0.1
const PROTECTED_SHARE = 0.95
const MOST_USES = 15

/**
 * W-TinyLFU (Einziger, Friedman, Manes 2017). New rows pass through a small window; what leaves it has to have been asked
 * for more often, by a sketch that also remembers rows given up, than the row it would replace in the main part. There a
 * second use protects a row.
 *
 * A use only counts itself. What follows from it, for the sketch and for the place of the row, is made up for when the row
 * comes to the front of its list, so that a hit costs next to nothing.
 */
export const wTinyLfu: CachePolicyKind = {
  name: 'w-tiny-lfu',
  lists: 3,
  bytes: (slots) => 2 * slots + frequencySketchBytes(slots),
  create({ slots, lists, keys, isHeld }) {
    const segments = new Uint8Array(slots)
    const uses = new Uint8Array(slots) // since the slot was last put at the back of its list
    const sizes = [0, 0, 0] // slots of each segment, held ones too
    const windowSize = Math.max(1, Math.round(WINDOW_SHARE * slots))
    const protectedSize = Math.floor(PROTECTED_SHARE * (slots - windowSize))
    const sketch = createFrequencySketch(slots)

    let exhausted = 0 // a bit per segment that has no idle slot, until something changes

    const toBack = (slot: number, segment: number): void => {
      lists.unlink(slot)
      sketch.add(keys[slot]!, uses[slot]!)
      uses[slot] = 0
      sizes[segments[slot]!]!--
      segments[slot] = segment
      sizes[segment]!++
      lists.push(segment, slot)
      exhausted &= ~(1 << segment)
    }
    /**
     * The first slot of a segment that was not used since it came there; -1 if none is idle. On the way those that were
     * used, and those in use, go to the back; if all were, the second time round finds one.
     */
    const unused = (segment: number): number => {
      if (exhausted & (1 << segment)) return -1
      for (let round = 0; round < 2; round++) {
        const last = lists.last(segment)
        for (let slot = -1; slot !== last;) {
          slot = lists.first(segment)
          if (uses[slot] === 0 && !isHeld(slot)) return slot
          toBack(slot, segment === PROBATION && uses[slot]! > 0 ? PROTECTED : segment)
        }
      }
      exhausted |= 1 << segment
      return -1
    }
    const demote = (from: number): boolean => {
      const slot = unused(from)
      if (slot >= 0) toBack(slot, PROBATION)
      return slot >= 0
    }
    const mainVictim = (): number => {
      while (sizes[PROTECTED]! > protectedSize && demote(PROTECTED));
      const slot = unused(PROBATION)
      return slot >= 0 ? slot : unused(PROTECTED)
    }
    const choose = (): number => {
      const rival = mainVictim()
      const candidate = sizes[WINDOW]! > windowSize || rival < 0 ? unused(WINDOW) : -1
      if (candidate < 0 || rival < 0) return Math.max(candidate, rival)
      if (sketch.estimate(keys[candidate]!) <= sketch.estimate(keys[rival]!)) return candidate
      toBack(candidate, PROBATION)
      return rival
    }

    return {
      insert(slot) {
        segments[slot] = WINDOW
        sizes[WINDOW]!++
        uses[slot] = 0
      },
      use(slot) {
        if (uses[slot]! < MOST_USES) uses[slot]!++
      },
      idle(slot) {
        exhausted = 0
        if (lists.linked(slot)) return
        toBack(slot, segments[slot]!)
        // While the main part is not full, nothing has to be given up for what leaves the window.
        const main = sizes[PROBATION]! + sizes[PROTECTED]!
        if (sizes[WINDOW]! > windowSize && main < slots - windowSize) demote(WINDOW)
      },
      hold: (slot) => lists.unlink(slot),
      victim() {
        const slot = choose()
        if (slot >= 0) lists.unlink(slot)
        return slot
      },
      remove(slot) {
        sketch.add(keys[slot]!, uses[slot]!)
        sizes[segments[slot]!]!--
      },
    }
  },
}
