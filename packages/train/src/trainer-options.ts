import type { Engine } from '@stemkit/compile'
import type { Batch } from '@stemkit/data'
import type { CustomFeedForwards, InitOptions, ModelConfig } from '@stemkit/model'
import type { CachePolicyKind, RowStoreStats, RowTable } from '@stemkit/store'
import type { SpawnWorker } from '@stemkit/threads'
import type { Treatment } from './parameters.ts'
import type { RowOptimizer } from './rows/row-optimizer.ts'
import type { BatchShape } from './step-graph.ts'
import type { NamedArray, Trainer } from './trainer.ts'

/** AdamW's options, and what trains the rows of tables. */
export interface OptimizerOptions {
  /** Default [0.9, 0.95]. */
  readonly betas?: readonly [number, number]
  /** Default 1e-8. */
  readonly eps?: number
  /** Default 0.1. */
  readonly weightDecay?: number
  /** Gradients of a larger global norm are scaled by norm / (found + epsilon). Default norm 1, epsilon 1e-6; null: never. */
  readonly clip?: { readonly norm: number; readonly epsilon?: number } | null
  /** What moves the rows that a step used, with the treatment `lazy`. Default `adamw`. */
  readonly rows?: RowOptimizer
  /** The learning rate of those rows as a multiple of the step's. Default 1. */
  readonly rowLearningRate?: number
}

export interface TrainerOptions {
  readonly config: ModelConfig
  /** Initial weights, which are copied; or how to make them, in place. */
  readonly weights: ReadonlyMap<string, NamedArray> | Pick<InitOptions, 'seed' | 'tableInit'>
  /** B and T of every batch. */
  readonly batch: BatchShape
  readonly engine: Engine
  /**
   * `lazy` (default): only rows that a step used move, without decay. `dense`: tables are weights like any other.
   * `official`: as the published training script, decay on everything, tables clipped by themselves.
   */
  readonly treatment?: Treatment
  /** Where the rows of the tables are, if not in memory as a whole. Only with the treatment `lazy`. */
  readonly rows?: RowStorage
  readonly optimizer?: OptimizerOptions
  /** Most micro-batches of a step. Default 1. */
  readonly accumulate?: number
  readonly custom?: CustomFeedForwards
  /** Starts an optimiser thread: `spawnWorker` of `@stemkit/train/node`, in a browser `spawnWebWorker` of `@stemkit/threads`. Default: everything on this thread. */
  readonly spawnWorker?: SpawnWorker
  /** Optimiser threads. Default: one per core. */
  readonly threads?: number
}

/** Tables outside of memory. */
export interface RowStorage {
  /**
   * Rows of float32 with the state of their optimiser ('adam', or 'row-adagrad' for row-wise Adagrad), one layer for each table of the model, opened for writing. The trainer owns it
   * from now on. New ones are made with the fill of `tableRowInitializer`.
   */
  readonly table: RowTable
  /** Bytes of memory for rows in use and rows kept; it has to hold the rows of a step. */
  readonly budget: number
  /** Which rows to keep. Default: that of the store. */
  readonly policy?: CachePolicyKind
}

/** What a trainer can tell beside training. */
export interface ModelTrainer extends Trainer {
  /** What moved between memory and the stored tables; undefined if tables are in memory. */
  rowStats(): RowStoreStats | undefined
  /** Gradients of the mean loss, tables in full [V, w]. Copies. */
  gradients(batch: Batch): Promise<{ readonly loss: number; readonly gradients: ReadonlyMap<string, NamedArray> }>
  /** Negative log-likelihood of every target [N], in nats. */
  losses(batch: Batch, options?: { readonly signal?: AbortSignal }): Promise<Float32Array>
  /** [N, V] */
  logits(batch: Batch, options?: { readonly signal?: AbortSignal }): Promise<Float32Array>
}
