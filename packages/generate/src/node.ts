export { calibrateModel, type CalibrateModelOptions } from './node/calibrate-model.ts'
export {
  loadModel,
  readModel,
  type LoadModelOptions,
  type ModelFiles,
  type ReadModelOptions,
} from './node/load-model.ts'
export {
  findModelRows,
  openModelRows,
  openRowsAt,
  ROWS_FILE,
  type OpenModelRowsOptions,
  type RowsReference,
} from './node/model-rows.ts'
