/**
 * The one import of tfjs-core in stemkit. tfjs keeps a global engine that belongs to the copy loaded first, so every
 * package takes its tensors from here. Gradients are registered on import; backends are the caller's choice.
 */
import '@tensorflow/tfjs-core'
import '../generated/register-gradients.js'

export type {
  DataId,
  DataToGPUOptions,
  DataType,
  GradSaveFunc,
  KernelConfig,
  KernelFunc,
  NamedAttrMap,
  NamedTensorInfoMap,
  NamedTensorMap,
  Rank,
  Scalar,
  Tensor1D,
  Tensor2D,
  Tensor3D,
  Tensor4D,
  TensorInfo,
  TensorLike,
  TypedArray,
} from '@tensorflow/tfjs-core'

export { DataStorage, KernelBackend, Tensor } from '@tensorflow/tfjs-core'

// Making tensors.
export {
  fill,
  ones,
  onesLike,
  range,
  scalar,
  tensor,
  tensor1d,
  tensor2d,
  tensor3d,
  tensor4d,
  zeros,
  zerosLike,
} from '@tensorflow/tfjs-core'

// Arithmetic.
export {
  abs,
  add,
  addN,
  clipByValue,
  cos,
  div,
  erf,
  exp,
  log,
  log1p,
  maximum,
  minimum,
  mul,
  neg,
  pow,
  reciprocal,
  relu,
} from '@tensorflow/tfjs-core'
export {
  round,
  rsqrt,
  sigmoid,
  sign,
  sin,
  softmax,
  logSoftmax,
  logSumExp,
  softplus,
  sqrt,
  square,
  sub,
  tanh,
} from '@tensorflow/tfjs-core'

// Reductions and products.
export { all, any, argMax, argMin, cumsum, matMul, max, mean, min, prod, sum, topk } from '@tensorflow/tfjs-core'

// Shapes.
export {
  broadcastTo,
  cast,
  concat,
  expandDims,
  pad,
  reshape,
  reverse,
  slice,
  split,
  squeeze,
  stack,
  stridedSlice,
} from '@tensorflow/tfjs-core'
export { tile, transpose, unstack } from '@tensorflow/tfjs-core'

// Choosing.
export {
  equal,
  gather,
  gatherND,
  greater,
  greaterEqual,
  less,
  lessEqual,
  logicalAnd,
  logicalNot,
  logicalOr,
} from '@tensorflow/tfjs-core'
export { notEqual, oneHot, scatterND, unsortedSegmentSum, where } from '@tensorflow/tfjs-core'

// Memory and gradients.
export {
  customGrad,
  dispose,
  grad,
  grads,
  keep,
  memory,
  tidy,
  valueAndGrad,
  valueAndGrads,
} from '@tensorflow/tfjs-core'

// Engine, backends, kernels.
export {
  engine,
  env,
  findBackend,
  getBackend,
  getKernel,
  getKernelsForBackend,
  ready,
  registerBackend,
  registerGradient,
} from '@tensorflow/tfjs-core'
export { registerKernel, removeBackend, setBackend, unregisterKernel, util } from '@tensorflow/tfjs-core'
