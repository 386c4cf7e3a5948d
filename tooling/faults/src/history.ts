import type { RowLayout } from '@stemkit/store'

/** Rows of 192 bytes, of which the cache holds about a third. */
export const ROWS = 600
export const LAYOUT: RowLayout = { layers: 2, width: 8, dtype: 'f32', state: 'adam' }
export const BUDGET = 60_000

/** What is done to the table, one after another. */
export type Step =
  /** Looks at the values of rows and replaces them, or those of the optimiser's state too, while others are fetched. */
  | {
      readonly kind: 'scatter' | 'lease'
      readonly ids: Uint32Array
      readonly ahead: Uint32Array
      readonly salt: number
    }
  | { readonly kind: 'flush' }
  | { readonly kind: 'snapshot'; readonly keep: boolean }
  /** Lets go of the oldest version that is kept, if there is one. */
  | { readonly kind: 'drop' }
  /** Somebody else opens the newest version and keeps reading it. */
  | { readonly kind: 'pin' }

/** The salt with which each row was last written. It says what every byte of the row is. */
export interface State {
  readonly values: Uint32Array
  readonly moments: Uint32Array
}

export const newState = (): State => ({ values: new Uint32Array(ROWS), moments: new Uint32Array(ROWS) })

/** The same steps for the same seed: in the process that takes them, and in the one that judges what they left. */
export function stepsOf(seed: number, count: number): Step[] {
  const random = seeded(seed)
  const batches = Array.from({ length: count + 1 }, () => batch(random))
  const pins = new Set([Math.floor(count * 0.3), Math.floor(count * 0.65)])
  return Array.from({ length: count }, (_, at): Step => {
    const dice = random()
    const keep = random() < 0.4
    if (pins.has(at)) return { kind: 'pin' }
    if (dice < 0.6) {
      const kind = dice < 0.25 ? 'scatter' : 'lease'
      return { kind, ids: batches[at]!, ahead: batches[at + 1]!, salt: 1000 * seed + at + 1 }
    }
    if (dice < 0.7) return { kind: 'flush' }
    return dice < 0.92 ? { kind: 'snapshot', keep } : { kind: 'drop' }
  })
}

/** Rows as a step leaves them. */
export function after({ values, moments }: State, step: Step): State {
  if (step.kind !== 'scatter' && step.kind !== 'lease') return { values, moments }
  const withSalt = (salts: Uint32Array): Uint32Array => {
    const changed = salts.slice()
    for (const id of step.ids) changed[id] = step.salt
    return changed
  }
  return { values: withSalt(values), moments: step.kind === 'lease' ? withSalt(moments) : moments }
}

/** Number i of a row that was written with a salt. Whole, and exact in float32. */
export const numberOf = (id: number, salt: number, i: number): number =>
  (Math.imul(salt + 1, 0x9e3779b1) ^ Math.imul(id + 1, 0x85ebca6b) ^ Math.imul(i + 1, 0xc2b2ae35)) >>> 8

/** Fills rows with what they hold in a state: values, then the two moments. */
export function fillRows(state: State, ids: Uint32Array, into: Float32Array): void {
  const size = into.length / ids.length
  const values = LAYOUT.layers * LAYOUT.width
  ids.forEach((id, at) => {
    for (let i = 0; i < size; i++) {
      into[at * size + i] = numberOf(id, (i < values ? state.values : state.moments)[id]!, i)
    }
  })
}

/** Rows as a text names them: a few often, most of them seldom. */
function batch(random: () => number): Uint32Array {
  const ids = Array.from({ length: 40 }, () => Math.floor(random() ** 2 * ROWS))
  return Uint32Array.from(new Set(ids)).toSorted()
}

/** Numbers in [0, 1), the same for the same seed (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
