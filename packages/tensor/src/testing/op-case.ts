import type { Tensor } from '../tfjs.ts'
import { tensor } from '../tfjs.ts'
import type { Numbers } from './reference.ts'

/** A tensor as plain data: float32 values are exact in 32 bits, so that every side starts from the same numbers. */
export interface TensorData {
  readonly dtype: 'float32' | 'int32'
  readonly shape: readonly number[]
  readonly data: Numbers
}

/** One op at one shape: what goes in, the op itself, and what must come out. */
export interface OpCase {
  readonly name: string
  /** Always the same numbers. */
  inputs(): Record<string, TensorData>
  /** Runs the op on the current backend. Call it inside `tidy`: constants that it makes are left to that. */
  run(inputs: Record<string, Tensor>): Tensor
  /** The same in 64-bit loops that share no code with `run`; flat, row-major. */
  reference(inputs: Record<string, TensorData>): Float64Array
  /** Names of the inputs that have a gradient. */
  readonly differentiable: readonly string[]
}

/** Inputs of a case on the current backend. The caller disposes them. */
export function toTensors(inputs: Record<string, TensorData>): Record<string, Tensor> {
  const make = ({ dtype, shape, data }: TensorData) =>
    tensor(dtype === 'int32' ? Int32Array.from(data) : Float32Array.from(data), [...shape], dtype)
  return Object.fromEntries(Object.entries(inputs).map(([name, value]) => [name, make(value)]))
}

/** Normally distributed values that depend on `seed` and the shape only. */
export function normal(seed: number, shape: readonly number[], deviation = 1, mean = 0): TensorData {
  const next = uniform(seed)
  const length = shape.reduce((product, size) => product * size, 1)
  const data = Float32Array.from({ length }, () => {
    const radius = Math.sqrt(-2 * Math.log(1 - next()))
    return mean + deviation * radius * Math.cos(2 * Math.PI * next())
  })
  return { dtype: 'float32', shape, data }
}

/** Integer tensor with the values given. */
export function integers(shape: readonly number[], data: readonly number[]): TensorData {
  return { dtype: 'int32', shape, data }
}

/** Mulberry32: numbers in [0, 1). */
function uniform(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

/**
 * Gradient of sum(dy * reference(inputs)) with respect to input `name`, by central differences of the 64-bit reference
 * (error about 1e-8 at step 1e-5).
 */
export function numericGradient(
  { reference }: Pick<OpCase, 'reference'>,
  inputs: Record<string, TensorData>,
  name: string,
  dy: Numbers,
  step = 1e-5,
): Float64Array {
  const input = inputs[name]!
  const values = Float64Array.from(input.data)
  const dot = (): number => {
    const y = reference({ ...inputs, [name]: { ...input, data: values } })
    return y.reduce((total, value, i) => total + value * dy[i]!, 0)
  }
  return values.map((value, i) => {
    values[i] = value + step
    const above = dot()
    values[i] = value - step
    const below = dot()
    values[i] = value
    return (above - below) / (2 * step)
  })
}
