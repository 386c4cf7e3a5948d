export { constant, linearDecay, warmupCosine, type Decay, type Schedule } from './schedule.ts'
export { type CheckpointWriter, type RunState } from './checkpoint.ts'
export { evaluate, type Evaluation } from './evaluate.ts'
export { repeatBatch, type Loader, type Stateful } from './loader.ts'
export { train, type TrainOptions } from './loop.ts'
export { type Cost, type TrainStep } from './metrics.ts'
export { overfitOneBatch, type OverfitOptions, type OverfitResult } from './overfit.ts'
export { type NamedArray, type RowSnapshot, type StepResult, type Trainer, type TrainerState } from './trainer.ts'
export { createTrainer } from './create-trainer.ts'
export { type ModelTrainer, type OptimizerOptions, type RowStorage, type TrainerOptions } from './trainer-options.ts'
export { rowStateOf, type RowOptimizer } from './rows/row-optimizer.ts'
export { type Treatment } from './parameters.ts'
export { measurePeakFlops } from './peak-flops.ts'
export {
  gradientGraph,
  gradientName,
  graphInputs,
  logitsGraph,
  lossGraph,
  type BatchShape,
  type GraphOptions,
} from './step-graph.ts'
export {
  fitRows,
  type FitReport,
  type FitRowsOptions,
  type FitStep,
  type FittedEdit,
  type LayerChange,
} from './inject/fit-rows.ts'
export type { FitModel } from './inject/log-probabilities.ts'
export type { TargetScore, TextsReport } from './inject/measure-texts.ts'
export type { ReadableRows } from './inject/row-block.ts'
export type { Statement } from './inject/row-objective.ts'
