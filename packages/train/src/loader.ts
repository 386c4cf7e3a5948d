import type { Batch } from '@stemkit/data'

/** Something whose position can be saved and found again exactly: a loader, a random generator. */
export interface Stateful {
  /** A snapshot of plain JSON values that later calls leave unchanged. */
  state(): unknown
  restore(state: unknown): void
}

/** Batches without end. The loader of `@stemkit/data` is one. */
export interface Loader extends Stateful {
  next(options?: { readonly signal?: AbortSignal }): Batch | Promise<Batch>
}

/** The same batch for ever, for self-checks. */
export const repeatBatch = (batch: Batch): Loader => ({
  next: () => batch,
  state: () => null,
  restore: () => undefined,
})
