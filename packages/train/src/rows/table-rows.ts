import type { RowPlan } from '@stemkit/store'
import type { AdamUpdate, Task } from '../optimizer/tasks.ts'

/** A table [V, w] as a step sees it: the rows in use, and a place for their gradients. */
export interface RowBlock {
  readonly name: string
  readonly shape: readonly [number, number]
  /** Room for the rows of a step and for their gradients [most, w]. */
  readonly rows: Float32Array
  readonly rowGradients: Float32Array
}

/** Where the tables of a model lie while their rows are trained: in memory as a whole, or in a store. */
export interface TableRows {
  /** Copies the rows of a plan into the blocks, and holds them where they are until `release`. */
  take(plan: RowPlan, options?: { readonly signal?: AbortSignal | undefined }): Promise<HeldRows>
  /** Fetches rows that will be taken soon, where that takes time. */
  prefetch?(plan: RowPlan, options?: { readonly signal?: AbortSignal | undefined }): Promise<void>
}

/** The rows of one plan. */
export interface HeldRows {
  readonly plan: RowPlan
  /** The row optimiser's work on these rows, with the gradients that are in the blocks. */
  updates(update: AdamUpdate): Task[]
  release(options?: { readonly changed: boolean }): void
}
