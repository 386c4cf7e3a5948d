import type { Decoder } from '../decoder/decoder.ts'
import type { RowKeys } from '../rows/row-source.ts'
import type { TableRows } from '../table-rows.ts'
import type { Job } from './job.ts'

/** A slot of the decoder and what its cache holds. */
export interface Slot {
  readonly index: number
  /** The tokens whose keys and values it holds. Whoever has the slot adds to them. */
  tokens: number[]
  /** How many of them others may start from: any number, unless rows have changed meanwhile. */
  limit: number
  /** Where the chunks ended in which they were read, from the start. */
  ends: number[]
  /** The tables that they were computed with. */
  rows: TableRows | undefined
  name: string | undefined
  /** Who has it; its former owner while it is free. */
  job: Job | undefined
  free: boolean
  /** When it was let go, as a count. */
  used: number
}

export interface SlotCacheOptions {
  /** Where the chunks of a job end: it then takes over only tokens that were read in the same chunks. Default: any tokens. */
  readonly endsOf?: ((job: Job) => readonly number[]) | undefined
}

/** The slots of a decoder. Those that are free keep their tokens, for sequences that begin with the same. */
export interface SlotCache {
  readonly slots: readonly Slot[]
  /** The free slot that suits the job: one that holds its beginning, else the one that has been free longest. */
  acquire(job: Job): Slot | undefined
  /** How many tokens of the job need not be computed, if it starts now, and whose slot has them. */
  find(job: Job, slot: Slot): { readonly from: Slot; readonly length: number }
  /** Gives the slot to the job, holding the first `length` tokens of `from`. */
  start(slot: Slot, job: Job, from: Slot, length: number): void
  /** How many tokens of the job another one's slot could give, once it has read all of its prompt. */
  promised(job: Job, other: Slot): number
  release(slot: Slot): void
  /** Lets no new sequence start from what was computed with the rows of these tokens; without tokens, from nothing. */
  forget(tokens?: Iterable<number>): void
}

export function createSlotCache(
  decoder: Pick<Decoder, 'slots' | 'copy'>,
  { endsOf }: SlotCacheOptions = {},
): SlotCache {
  let clock = 0
  const slots = Array.from({ length: decoder.slots }, (_, index): Slot => ({
    index,
    tokens: [],
    limit: Infinity,
    ends: [],
    rows: undefined,
    name: undefined,
    job: undefined,
    free: true,
    used: 0,
  }))

  /** Of the last token to be read the logits are wanted, so it is always computed. */
  const most = (job: Job): number => Math.min(job.firstAsked, job.tokens.length - 1)

  /** How many of the first tokens of a job are those of another sequence of the slot, and read the same rows. */
  const shared = (job: Job, slot: Slot, tokens: readonly number[]): number => {
    const length = common(job.tokens, tokens)
    const isSame = slot.rows === job.rows && slot.name === job.rows.name
    return isSame || length === 0 ? length : alike(job.tokens, length, job.rows.keys, slot.rows?.keys)
  }

  const held = (job: Job, slot: Slot): number => {
    const length = Math.min(shared(job, slot, slot.tokens), most(job), slot.limit)
    return slot.job === job || !endsOf ? length : sameChunks(endsOf(job), slot.ends, length)
  }

  return {
    slots,

    acquire(job) {
      const free = slots.filter((slot) => slot.free)
      if (free.length === 0) return undefined
      // A slot that the job continues is used up by it; one that holds much else is better kept, and copied from.
      const scored = free.map((slot) => ({ slot, length: held(job, slot) }))
      const best = scored.reduce((a, b) => (b.length > a.length ? b : a))
      const isContinued = best.length > 0 && 2 * best.length >= best.slot.tokens.length
      const chosen = isContinued ? best.slot : free.reduce((a, b) => (b.used < a.used ? b : a))
      chosen.free = false
      return chosen
    },

    find(job, slot) {
      return slots
        .map((from) => ({ from, length: held(job, from) }))
        .reduce((a, b) => (b.length > a.length || (b.length === a.length && b.from === slot) ? b : a))
    },

    start(slot, job, from, length) {
      if (from !== slot && length > 0) decoder.copy(from.index, slot.index, length)
      slot.tokens = from.tokens.slice(0, length)
      slot.limit = Infinity
      slot.ends = from.ends.filter((end) => end <= length)
      slot.rows = job.rows
      slot.name = job.rows.name
      slot.job = job
    },

    promised: (job, other) => {
      if (!other.job) return 0
      const length = Math.min(shared(job, other, other.job.tokens), most(job), other.job.promptLength, other.limit)
      return endsOf ? sameChunks(endsOf(job), endsOf(other.job), length) : length
    },

    release(slot) {
      slot.free = true
      slot.used = ++clock
      // A table may have come to another version while it was read.
      const isWhole = slot.rows !== undefined && slot.name === slot.rows.name
      cut(slot, isWhole ? slot.limit : 0)
    },

    forget(tokens) {
      const changed = tokens && new Set(tokens)
      for (const slot of slots) {
        // Rows of tokens that are just being read may be old or new, so all that its owner knows counts.
        const known = slot.free ? slot.tokens : (slot.job?.tokens ?? [])
        const at = changed ? known.findIndex((token) => changed.has(token)) : 0
        if (at < 0) continue
        slot.limit = Math.min(slot.limit, at)
        if (slot.free) cut(slot, slot.limit)
      }
    },
  }
}

function cut(slot: Slot, length: number): void {
  if (slot.tokens.length > length) slot.tokens.length = length
  slot.limit = Infinity
  slot.ends = slot.ends.filter((end) => end <= slot.tokens.length)
  if (slot.tokens.length === 0) slot.used = 0
}

/** How many of the first `length` tokens lie in chunks that two sequences have in common. */
function sameChunks(a: readonly number[], b: readonly number[], length: number): number {
  let most = 0
  for (const [i, end] of a.entries()) {
    if (end > length || b[i] !== end) break
    most = end
  }
  return most
}

/** How many of the first `length` tokens read the same rows by either keys. */
function alike(tokens: readonly number[], length: number, a: RowKeys | undefined, b: RowKeys | undefined): number {
  if (!a || !b || a.scope !== b.scope) return 0
  let at = 0
  while (at < length && a.of(tokens[at]!) === b.of(tokens[at]!)) at++
  return at
}

/** How many tokens two sequences have in common before they part. */
function common(a: readonly number[], b: readonly number[]): number {
  const length = Math.min(a.length, b.length)
  let at = 0
  while (at < length && a[at] === b[at]) at++
  return at
}
