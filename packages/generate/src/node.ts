export {
  loadModel,
  readModel,
  type LoadModelOptions,
  type ModelFiles,
  type ReadModelOptions,
} from './node/load-model.ts'
