export { calibrateModel, type CalibrateModelOptions } from './node/calibrate-model.ts'
export {
  loadModel,
  readModel,
  type LoadModelOptions,
  type ModelFiles,
  type ReadModelOptions,
} from './node/load-model.ts'
export { findModelRows, openModelRows, openRowsAt, type OpenModelRowsOptions } from './node/model-rows.ts'
export { ROWS_FILE, type RowsReference } from './rows/open-tables.ts'
