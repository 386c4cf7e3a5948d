import type { TableRows } from '../table-rows.ts'

/** One sequence for the scheduler: tokens to be read, and what becomes of the logits after them. */
export interface Job {
  /** To be read, in order. `take` may add to them. */
  readonly tokens: readonly number[]
  /** The first position whose logits are wanted; those of all later ones are too. */
  readonly firstAsked: number
  /** Tokens that `take` may still add; 0 for a sequence that is only read. */
  readonly remaining: number
  /** What the prompt had, before `take` added to it. */
  readonly promptLength: number
  readonly rows: TableRows
  /** Whether nothing more is wanted. */
  readonly done: boolean
  /** Whether the reader is so far behind that it has to catch up first. */
  readonly full: boolean
  /** Logits [V] after position `at`, in memory that is used again. What it throws ends the job. */
  take(logits: Float32Array, at: number): void
  /** Told once, when reading begins, how many tokens need not be computed. */
  begun(cached: number): void
  /** Told once, at the end: everything was taken, or why not. */
  ended(error?: unknown): void
}
