export {
  compile,
  exportOnnx,
  type Arrays,
  type CompiledProgram,
  type CompileOptions,
  type Program,
  type ProgramRunOptions,
} from './compile.ts'
export { eager } from './eager.ts'
export type { FrozenWeight, FrozenWeights, HalfArray, SingleArray } from './frozen.ts'
export { compiledEngine, eagerEngine, type Engine, type LoadOptions } from './engine.ts'
export { trace, type InputSpec, type TensorFunction, type WeightShapes } from './trace.ts'
export { registerLowering, type KernelAttributes, type KernelInputs, type Lowering } from './lowering.ts'
export type {
  Attribute,
  Dimension,
  ElementType,
  Graph,
  GraphBuilder,
  GraphNode,
  GraphPort,
  GraphWeight,
  NodeOptions,
  Value,
} from './graph.ts'
export { onnxRuntimeBinding, type OnnxRuntimeModule } from './onnxruntime-binding.ts'
export type { BoundRun, HostArray, HostTensor, RunOptions, Runtime, RuntimeSession, SessionOptions } from './runtime.ts'
