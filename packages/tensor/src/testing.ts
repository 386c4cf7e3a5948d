/**
 * The ops of this package as a table of cases, for backends that bring kernels of their own: run each case there, and
 * compare values and gradients with the 64-bit reference.
 */
export { opCases } from './testing/op-cases.ts'
export { numericGradient, toTensors } from './testing/op-case.ts'
export type { OpCase, TensorData } from './testing/op-case.ts'
