import type { CachePolicyKind } from './policy.ts'

/** Uses are counted up to here. */
const MOST = 63
/** All counts are halved after so many uses per slot, so that what was popular once does not stay for ever. */
const USES_PER_SLOT = 10

/** Gives up the row with the fewest uses since it came, the longest unused first. One list of idle slots per count. */
export const lfu: CachePolicyKind = {
  name: 'lfu',
  lists: MOST + 1,
  bytes: (slots) => slots,
  create({ slots, lists }) {
    const counts = new Uint8Array(slots)
    let lowest = MOST // no idle slot has fewer uses
    let uses = 0

    const halve = (): void => {
      uses = 0
      lowest >>>= 1
      for (let slot = 0; slot < slots; slot++) counts[slot]! >>>= 1
      for (let count = 1; count <= MOST; count++) lists.append(count >>> 1, count)
    }

    return {
      insert(slot) {
        counts[slot] = 0
      },
      use(slot) {
        lists.unlink(slot)
        if (counts[slot]! < MOST) counts[slot]!++
        if (++uses >= USES_PER_SLOT * slots) halve()
      },
      idle(slot) {
        const count = counts[slot]!
        lists.push(count, slot)
        if (count < lowest) lowest = count
      },
      hold: (slot) => lists.unlink(slot),
      victim() {
        for (; lowest <= MOST; lowest++) {
          const slot = lists.first(lowest)
          if (slot < 0) continue
          lists.unlink(slot)
          return slot
        }
        lowest = MOST
        return -1
      },
      remove() {},
    }
  },
}
