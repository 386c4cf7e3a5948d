import type { CachePolicyKind } from '../../../packages/store/src/cache/policy.ts'
import { createSlotLists } from '../../../packages/store/src/cache/slot-lists.ts'

/** Rows found of all rows asked for. Each batch names rows below `rows` once, and needs them all at the same time. */
export function hitRate(kind: CachePolicyKind, batches: readonly Uint32Array[], slots: number, rows: number): number {
  const lists = createSlotLists(slots, kind.lists)
  const keys = new Uint32Array(slots)
  const held = new Uint8Array(slots)
  const policy = kind.create({ slots, lists, keys, isHeld: (slot) => held[slot] === 1 })
  const slotOf = new Int32Array(rows).fill(-1)
  let filled = 0
  let hits = 0
  let asked = 0
  for (const batch of batches) {
    asked += batch.length
    const absent = batch.filter((key) => slotOf[key] === -1)
    hits += batch.length - absent.length
    const use = (slot: number): void => {
      policy.use(slot)
      held[slot] = 1
    }
    for (const key of batch) if (slotOf[key] !== -1) use(slotOf[key]!)
    for (const key of absent) {
      let slot = filled < slots ? filled++ : -1
      if (slot < 0) {
        slot = policy.victim()
        policy.remove(slot)
        slotOf[keys[slot]!] = -1
      }
      keys[slot] = key
      slotOf[key] = slot
      policy.insert(slot)
      use(slot)
    }
    for (const key of batch) {
      held[slotOf[key]!] = 0
      policy.idle(slotOf[key]!)
    }
  }
  return hits / asked
}

/**
 * What Belady's rule reaches, which knows the future: give up the row whose next use is farthest away. Rows are asked for
 * one after the other here, not a batch at once, so that no policy can do better.
 */
export function bestHitRate(batches: readonly Uint32Array[], slots: number, rows: number): number {
  const asked = batches.reduce((sum, batch) => sum + batch.length, 0)
  const sequence = new Uint32Array(asked)
  let at = 0
  for (const batch of batches) {
    sequence.set(batch, at)
    at += batch.length
  }
  /** When the row of each position is asked for next; times from `asked` on, one per row, stand for never. */
  const next = new Uint32Array(asked)
  const coming = Uint32Array.from({ length: rows }, (_, row) => asked + row)
  for (let time = asked - 1; time >= 0; time--) {
    next[time] = coming[sequence[time]!]!
    coming[sequence[time]!] = time
  }
  const rowAt = (time: number): number => (time < asked ? sequence[time]! : time - asked)

  const nextUse = new Int32Array(rows).fill(-1) // of the rows in the cache
  const farthest = createMaxHeap()
  let resident = 0
  let hits = 0
  for (let time = 0; time < asked; time++) {
    const row = sequence[time]!
    if (nextUse[row] !== -1) hits++
    else if (resident < slots) resident++
    else {
      let victim = farthest.pop()
      while (nextUse[rowAt(victim)] !== victim) victim = farthest.pop() // used since
      nextUse[rowAt(victim)] = -1
    }
    nextUse[row] = next[time]!
    farthest.push(next[time]!)
  }
  return hits / asked
}

function createMaxHeap(): { push(value: number): void; pop(): number } {
  const heap: number[] = []
  return {
    push(value) {
      let at = heap.length
      for (; at > 0; at = (at - 1) >> 1) {
        const parent = heap[(at - 1) >> 1]!
        if (parent >= value) break
        heap[at] = parent
      }
      heap[at] = value
    },
    pop() {
      const top = heap[0]!
      const last = heap.pop()!
      if (heap.length === 0) return top
      let at = 0
      for (;;) {
        let child = 2 * at + 1
        if (child + 1 < heap.length && heap[child + 1]! > heap[child]!) child++
        if (child >= heap.length || heap[child]! <= last) break
        heap[at] = heap[child]!
        at = child
      }
      heap[at] = last
      return top
    },
  }
}
