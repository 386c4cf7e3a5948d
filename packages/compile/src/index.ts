export {
  compile,
  eager,
  exportOnnx,
  type Arrays,
  type CompiledProgram,
  type CompileOptions,
  type Program,
  type ProgramRunOptions,
} from './compile.ts'
export { compiledEngine, eagerEngine, type Engine } from './engine.ts'
export { trace, type InputSpec, type TensorFunction } from './trace.ts'
export { registerLowering, type KernelAttributes, type KernelInputs, type Lowering } from './lowering.ts'
export type {
  Attribute,
  Dimension,
  ElementType,
  Graph,
  GraphBuilder,
  GraphNode,
  GraphPort,
  NodeOptions,
  Value,
} from './graph.ts'
export { onnxRuntimeBinding, type OnnxRuntimeModule } from './onnxruntime-binding.ts'
export type { HostArray, HostTensor, RunOptions, Runtime, RuntimeSession, SessionOptions } from './runtime.ts'
