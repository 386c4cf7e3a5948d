import type { Side } from '../timing.ts'

/** Bits of a weight in memory, scales included: q4 about 4.5, q8 about 8.5. */
export type DecodeFormat = 'q4' | 'q8' | 'f16' | 'f32'

/** What is timed. */
export type Work = DecodeWork | PrefillWork

/** `steps` tokens for each of `batch` sequences that have `from` tokens each: forward pass, sampling, row gather. */
export interface DecodeWork {
  readonly kind: 'decode'
  readonly format: DecodeFormat
  readonly batch: number
  readonly from: number
  readonly steps: number
}

/** The first token after a prompt of `tokens` tokens, from nothing. */
export interface PrefillWork {
  readonly kind: 'prefill'
  readonly format: DecodeFormat
  readonly tokens: number
}

/** What a side says about a work that it has opened, for the record. */
export interface Opened {
  readonly threads: number
  /** Bytes of weights, rows, keys and values that one step reads, where the side knows. */
  readonly bytesPerStep?: number
  readonly [more: string]: unknown
}

/** An engine with a model, in a process of its own, so that it can be stopped while another is timed. */
export interface DecodeSide extends Side {
  /** Versions and libraries. */
  readonly description: Readonly<Record<string, unknown>>
  /**
   * Makes ready for `run`, untimed: the weights in memory, prompts read, the best number of threads found. Returns what
   * was chosen. What was opened before is closed.
   */
  open(work: Work): Promise<Opened>
  /** Does the opened work once, always from the same state. Returns milliseconds by the side's own clock. */
  run(): Promise<number>
  pause(): void
  resume(): void
  dispose(): Promise<void>
}

/** How many tokens come out of a work, or of a prefill go in. */
export const tokensOf = (work: Work): number => (work.kind === 'decode' ? work.batch * work.steps : work.tokens)
