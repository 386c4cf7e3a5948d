import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createFrequencySketch } from './frequency-sketch.ts'
import { lfu } from './lfu.ts'
import { lru } from './lru.ts'
import type { CachePolicyKind } from './policy.ts'
import { createSlotLists } from './slot-lists.ts'
import { wTinyLfu } from './w-tiny-lfu.ts'

const SLOTS = 12
const KEYS = 40

/** What a policy should do, in plain arrays: told the same events, it names the victim. */
interface Model {
  insert(slot: number): void
  use(slot: number): void
  idle(slot: number): void
  hold(slot: number): void
  victim(): number
  remove(slot: number): void
}

const without = (list: number[], slot: number): void => {
  const at = list.indexOf(slot)
  if (at >= 0) list.splice(at, 1)
}

const modelLru = (): Model => {
  const idle: number[] = []
  return {
    insert() {},
    use: (slot) => without(idle, slot),
    idle: (slot) => void idle.push(slot),
    hold: (slot) => without(idle, slot),
    victim: () => idle.shift() ?? -1,
    remove() {},
  }
}

const modelLfu = (): Model => {
  const idle: number[] = []
  const counts = new Map<number, number>()
  let uses = 0
  return {
    insert: (slot) => void counts.set(slot, 0),
    use(slot) {
      without(idle, slot)
      counts.set(slot, Math.min(63, counts.get(slot)! + 1))
      if (++uses < 10 * SLOTS) return
      uses = 0
      // Of two counts that become one, the lower goes first.
      idle.sort((a, b) => counts.get(a)! - counts.get(b)!)
      for (const [key, count] of counts) counts.set(key, count >> 1)
    },
    idle: (slot) => void idle.push(slot),
    hold: (slot) => without(idle, slot),
    victim() {
      const least = Math.min(...idle.map((slot) => counts.get(slot)!))
      const slot = idle.find((candidate) => counts.get(candidate) === least) ?? -1
      without(idle, slot)
      return slot
    },
    remove() {},
  }
}

type ModelOf = (keys: Uint32Array, isHeld: (slot: number) => boolean) => Model

type Segment = 'window' | 'probation' | 'protected'

const modelWTinyLfu = (keys: Uint32Array, isHeld: (slot: number) => boolean): Model => {
  const sketch = createFrequencySketch(SLOTS)
  const window = Math.max(1, Math.round(0.1 * SLOTS))
  const limit = Math.floor(0.95 * (SLOTS - window))
  const segmentOf = new Map<number, Segment>()
  const uses = new Map<number, number>()
  const exhausted = new Set<Segment>() // had no idle slot, and none has come since
  const order: number[] = [] // of all segments, by when a slot was put at the back
  const size = (segment: Segment): number => [...segmentOf.values()].filter((other) => other === segment).length
  const members = (segment: Segment): number[] => order.filter((slot) => segmentOf.get(slot) === segment)
  const learn = (slot: number): void => {
    sketch.add(keys[slot]!, uses.get(slot)!)
    uses.set(slot, 0)
  }
  const toBack = (slot: number, segment: Segment): void => {
    learn(slot)
    segmentOf.set(slot, segment)
    without(order, slot)
    order.push(slot)
    exhausted.delete(segment)
  }
  const unused = (segment: Segment): number => {
    if (exhausted.has(segment)) return -1
    for (const _ of ['used ones pass', 'now they may go']) {
      for (const slot of members(segment)) {
        if (uses.get(slot) === 0 && !isHeld(slot)) return slot
        toBack(slot, segment === 'probation' && uses.get(slot)! > 0 ? 'protected' : segment)
      }
    }
    exhausted.add(segment)
    return -1
  }
  const demote = (from: Segment): boolean => {
    const slot = unused(from)
    if (slot >= 0) toBack(slot, 'probation')
    return slot >= 0
  }
  const given = (slot: number): number => {
    without(order, slot)
    return slot
  }
  return {
    insert(slot) {
      segmentOf.set(slot, 'window')
      uses.set(slot, 0)
    },
    use: (slot) => void uses.set(slot, Math.min(15, uses.get(slot)! + 1)),
    idle(slot) {
      exhausted.clear()
      if (order.includes(slot)) return
      toBack(slot, segmentOf.get(slot)!)
      if (size('window') > window && segmentOf.size - size('window') < SLOTS - window) demote('window')
    },
    hold: (slot) => without(order, slot),
    victim() {
      while (size('protected') > limit && demote('protected'));
      let rival = unused('probation')
      if (rival < 0) rival = unused('protected')
      if (rival >= 0 && size('window') <= window) return given(rival)
      const candidate = unused('window')
      if (candidate < 0 || rival < 0) return given(Math.max(candidate, rival))
      if (sketch.estimate(keys[candidate]!) <= sketch.estimate(keys[rival]!)) return given(candidate)
      toBack(candidate, 'probation')
      return given(rival)
    },
    remove(slot) {
      learn(slot)
      segmentOf.delete(slot)
    },
  }
}

/** Plays events as a cache would, slot and key chosen by the numbers, and compares every victim. */
function play(kind: CachePolicyKind, modelOf: ModelOf, events: readonly (readonly number[])[]): void {
  const keys = new Uint32Array(SLOTS)
  const lists = createSlotLists(SLOTS, kind.lists)
  const state = Array.from({ length: SLOTS }, (): 'free' | 'held' | 'idle' => 'free')
  const isHeld = (slot: number): boolean => state[slot] === 'held'
  const policy = kind.create({ slots: SLOTS, lists, keys, isHeld })
  const model = modelOf(keys, isHeld)
  for (const [what, where] of events as [number, number][]) {
    const slot = where % SLOTS
    const both = (verb: 'insert' | 'use' | 'idle' | 'hold' | 'remove'): void => {
      policy[verb](slot)
      model[verb](slot)
    }
    if (what === 0) {
      const victim = policy.victim()
      expect(victim).toBe(model.victim())
      expect(victim >= 0).toBe(state.includes('idle'))
      if (victim < 0) continue
      expect(state[victim]).toBe('idle')
      policy.remove(victim)
      model.remove(victim)
      state[victim] = 'free'
    } else if (state[slot] === 'free') {
      keys[slot] = where
      both('insert')
      both('use')
      state[slot] = 'held'
    } else if (what === 1) {
      const verb = state[slot] === 'held' ? 'idle' : 'hold'
      state[slot] = verb === 'idle' ? 'idle' : 'held'
      both(verb)
    } else if (what === 2) {
      both('use')
      state[slot] = 'idle'
      both('idle')
    } else if (state[slot] === 'held' && where % 5 === 0) {
      both('hold')
      both('remove')
      state[slot] = 'free'
    } else {
      both('use')
      state[slot] = 'held'
    }
  }
}

describe.each<[CachePolicyKind, ModelOf]>([
  [lru, modelLru],
  [lfu, modelLfu],
  [wTinyLfu, modelWTinyLfu],
])('$name', (kind, modelOf) => {
  test('names the victims that its plain model names, idle ones only, whatever happens', () => {
    const event = fc.tuple(fc.nat(3), fc.nat(KEYS - 1))
    fc.assert(
      fc.property(fc.array(event, { minLength: 300, maxLength: 600 }), (events) => play(kind, modelOf, events)),
      { numRuns: 60 },
    )
  })

  test('empties a cache of any size', () => {
    for (const slots of [1, 2, 3, 11, 100]) {
      const lists = createSlotLists(slots, kind.lists)
      const keys = Uint32Array.from({ length: slots }, (_, i) => i)
      const policy = kind.create({ slots, lists, keys, isHeld: () => false })
      for (let slot = 0; slot < slots; slot++) {
        policy.insert(slot)
        policy.use(slot)
        policy.idle(slot)
      }
      const victims = Array.from({ length: slots }, () => policy.victim())
      expect(victims.toSorted((a, b) => a - b)).toEqual(Array.from({ length: slots }, (_, slot) => slot))
      expect(policy.victim()).toBe(-1)
    }
  })
})

describe('the frequency sketch', () => {
  test('never counts too few until it halves, and few too many', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(200), { maxLength: 400 }), (keys) => {
        const sketch = createFrequencySketch(64)
        const counts = new Map<number, number>()
        for (const key of keys) {
          sketch.add(key, 1)
          counts.set(key, (counts.get(key) ?? 0) + 1)
        }
        let excess = 0
        for (const [key, count] of counts) {
          expect(sketch.estimate(key)).toBeGreaterThanOrEqual(Math.min(15, count))
          excess += sketch.estimate(key) - Math.min(15, count)
        }
        expect(excess).toBeLessThanOrEqual(0.25 * keys.length)
      }),
    )
  })

  test('forgets: what was popular is overtaken by what is', () => {
    const sketch = createFrequencySketch(16)
    for (let i = 0; i < 15; i++) sketch.add(1, 1)
    expect(sketch.estimate(1)).toBe(15)
    for (let i = 0; i < 3 * 320; i++) sketch.add(2 + (i % 3), 1)
    expect(sketch.estimate(1)).toBeLessThan(5)
  })
})
