import { createFrequencySketch, frequencySketchBytes } from './frequency-sketch.ts'
import type { CachePolicyKind } from './policy.ts'

const WINDOW = 0
const PROBATION = 1
const PROTECTED = 2

/** Shares: of the window in all slots, and of the protected ones in the rest. */
const WINDOW_SHARE = 0.1
const PROTECTED_SHARE = 0.95

/**
 * W-TinyLFU (Einziger, Friedman, Manes 2017). New rows pass through a small window; what leaves it has to have been asked
 * for more often, by a sketch that also remembers rows given up, than the row it would replace in the main part. There a
 * second use protects a row.
 */
export const wTinyLfu: CachePolicyKind = {
  name: 'w-tiny-lfu',
  lists: 3,
  bytes: (slots) => slots + frequencySketchBytes(slots),
  create(slots, lists, keys) {
    const segments = new Uint8Array(slots)
    const sizes = [0, 0, 0] // slots of each segment, held ones too
    const windowSize = Math.max(1, Math.round(WINDOW_SHARE * slots))
    const protectedSize = Math.floor(PROTECTED_SHARE * (slots - windowSize))
    const sketch = createFrequencySketch(slots)

    const move = (slot: number, segment: number): void => {
      sizes[segments[slot]!]!--
      segments[slot] = segment
      sizes[segment]!++
    }
    /** Moves the longest unused slot of a segment, if one is idle. */
    const demote = (from: number, to: number): boolean => {
      const slot = lists.first(from)
      if (slot < 0) return false
      lists.unlink(slot)
      move(slot, to)
      lists.push(to, slot)
      return true
    }
    const take = (slot: number): number => {
      if (slot >= 0) lists.unlink(slot)
      return slot
    }
    const mainVictim = (): number => {
      const slot = lists.first(PROBATION)
      return slot >= 0 ? slot : lists.first(PROTECTED)
    }

    return {
      insert(slot) {
        segments[slot] = WINDOW
        sizes[WINDOW]!++
      },
      use(slot) {
        lists.unlink(slot)
        sketch.add(keys[slot]!)
        if (segments[slot] === PROBATION) move(slot, PROTECTED)
      },
      idle(slot) {
        lists.push(segments[slot]!, slot)
        if (sizes[PROTECTED]! > protectedSize) demote(PROTECTED, PROBATION)
        // While the main part is not full, nothing has to be given up for what leaves the window.
        const main = sizes[PROBATION]! + sizes[PROTECTED]!
        if (sizes[WINDOW]! > windowSize && main < slots - windowSize) demote(WINDOW, PROBATION)
      },
      hold: (slot) => lists.unlink(slot),
      victim() {
        const rival = mainVictim()
        const candidate = lists.first(WINDOW)
        if (candidate < 0) return take(rival)
        if (rival < 0) return take(candidate)
        if (sizes[WINDOW]! <= windowSize) return take(rival)
        if (sketch.estimate(keys[candidate]!) <= sketch.estimate(keys[rival]!)) return take(candidate)
        demote(WINDOW, PROBATION)
        return take(rival)
      },
      remove(slot) {
        sizes[segments[slot]!]!--
      },
    }
  },
}
