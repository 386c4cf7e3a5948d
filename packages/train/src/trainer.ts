import type { Batch } from '@stemkit/data'
import type { ModelConfig } from '@stemkit/spec/model-config'

/** A named float32 array with its shape; `data` is a view of live memory. */
export interface NamedArray {
  readonly shape: readonly number[]
  readonly data: Float32Array
}

export interface StepResult {
  /** Mean loss over the counted positions before the update, in nats. */
  readonly loss: number
  /** Global gradient norm before clipping; with the `official` treatment, that of the backbone. */
  readonly gradNorm: number
  /** Norm of the table gradients, where tables are clipped separately. */
  readonly tableGradNorm?: number
  /** Positions processed. */
  readonly tokens: number
  /** U: distinct rows read by the step. */
  readonly uniqueRows: number
  /** Bytes copied between buffers beside the graph: row gathers, accumulation. */
  readonly bytesCopied: number
}

/** A version of stored tables: which table, and which of its versions. */
export interface RowSnapshot {
  readonly table: string
  readonly version: number
}

/** Weights and the optimisers' state by weight name, and the number of steps taken. Tables in a store are not in it. */
export interface TrainerState {
  readonly steps: number
  readonly weights: ReadonlyMap<string, NamedArray>
  /** First moments m, of the weights' shapes. Tables that row-wise Adagrad trains have none. */
  readonly moments: ReadonlyMap<string, NamedArray>
  /** Second moments v, of the weights' shapes; of tables that row-wise Adagrad trains a number for every row [V]. */
  readonly squares: ReadonlyMap<string, NamedArray>
}

/** One model in training: owns its weights, its optimiser state and its compiled graphs. */
export interface Trainer {
  readonly config: ModelConfig
  /** Optimiser steps taken so far. */
  readonly steps: number
  /** One optimiser step over one or more micro-batches of equal shape; the loss is the mean over all their counted positions. */
  step(
    batches: readonly Batch[],
    learningRate: number,
    options?: {
      readonly signal?: AbortSignal
      /** The batches of the next step: their rows are fetched meanwhile, where tables are in a store. */
      readonly upcoming?: readonly Batch[]
    },
  ): Promise<StepResult>
  /** Mean loss of a batch, nothing changes. `counted` is the number of positions with mask 1. */
  evaluate(
    batch: Batch,
    options?: { readonly signal?: AbortSignal },
  ): Promise<{ readonly loss: number; readonly counted: number }>
  /** Where tables are in a store: the version that they were opened at or last made into. */
  readonly rows?: RowSnapshot | undefined
  /** Where tables are in a store: makes their rows a version that is kept, durable as far as the store goes. */
  snapshotRows?(options?: { readonly note?: string; readonly signal?: AbortSignal }): Promise<RowSnapshot>
  /** Lets go of all kept versions of the rows but these. */
  keepRowSnapshots?(versions: readonly number[]): Promise<void>
  /** Views of live memory: copy or write them out before the next step. */
  state(): TrainerState
  /** Copies a state of equal names and shapes into this trainer. */
  restore(state: TrainerState): void
  dispose(): Promise<void>
}
