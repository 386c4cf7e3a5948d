import type { Chunk } from '../decoder/decoder.ts'
import { chunkEnds } from './chunk-ends.ts'
import type { Job } from './job.ts'
import type { Slot } from './slot-cache.ts'

/** A job that has a slot. */
export interface Running {
  readonly job: Job
  readonly slot: Slot
  /** Whether its slot holds the beginning of its tokens; before, that of others. */
  begun: boolean
}

export interface ChunkRules {
  readonly prefillChunk: number
  readonly deterministic: boolean
}

const left = ({ job, slot }: Running): number => job.tokens.length - slot.tokens.length

/**
 * How many tokens a sequence reads next, of at most `budget`. Deterministic, that depends on its own tokens alone: its
 * prompt is read in the chunks of `chunkEnds`, and what it made itself one by one, as it was when made.
 */
function nextLength(each: Running, budget: number, { prefillChunk, deterministic }: ChunkRules): number {
  const at = each.slot.tokens.length
  if (!deterministic) return Math.min(left(each), budget)
  return (chunkEnds(each.job, prefillChunk).find((end) => end > at) ?? at + 1) - at
}

/** Whether a sequence reads one token next, to get the one after it: what many sequences can do in one pass. */
export function isDecoding(each: Running, rules: ChunkRules): boolean {
  return each.begun && each.job.remaining > 0 && nextLength(each, Infinity, rules) === 1
}

/** What a sequence reads next; `drafts` are guesses of what comes after that. */
export function nextChunk(each: Running, budget: number, rules: ChunkRules, drafts: readonly number[] = []): Chunk {
  const { job, slot } = each
  const start = slot.tokens.length
  let end = start + nextLength(each, budget, rules)
  // The head is spared where no logits are wanted.
  if (!rules.deterministic && start < job.firstAsked && end - 1 > job.firstAsked) end = job.firstAsked
  const ids = Int32Array.from([...job.tokens.slice(start, end), ...drafts])
  const last = start + ids.length - 1
  const asked = last < job.firstAsked ? 'none' : ids.length === 1 || last === job.firstAsked ? 'last' : 'all'
  return { slot: slot.index, start, ids, asked, rows: job.rows }
}

/** Whether it has not yet read what others may wait for. */
export const isPrefilling = ({ begun, job, slot }: Running): boolean =>
  begun && slot.tokens.length < Math.min(job.promptLength, job.tokens.length) - 1
