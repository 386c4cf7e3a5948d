import {
  cachedAttention,
  linear,
  reshape,
  ropeTables,
  type Tensor1D,
  type Tensor2D,
  type Tensor3D,
  type Tensor4D,
} from '@stemkit/tensor'
import type { PackedMatrix } from '@stemkit/spec/packed-matrix'
import { describe, expect, test } from 'vitest'
import { freeze, type FrozenWeight } from '../frozen.ts'
import { trace, type InputSpec, type TensorFunction } from '../trace.ts'

const [dim, heads, width, capacity] = [32, 2, 16, 8]
const cache: InputSpec = { dtype: 'float32', shape: ['B', heads, capacity, width] }
const inputs: Record<string, InputSpec> = {
  x: { dtype: 'float32', shape: ['B', 'T', dim] },
  keys: cache,
  values: cache,
  last: { dtype: 'int32', shape: ['B'] },
  longest: { dtype: 'int32', shape: [1] },
}

/** Attention of new tokens, its projections being products of what `inputOf` gives. */
const attend =
  (inputOf: (x: Tensor2D, name: string) => Tensor2D): TensorFunction =>
  (given) => {
    const [B, T] = given['x']!.shape as [number, number]
    const rows = reshape(given['x']!, [B * T, dim]) as Tensor2D
    const project = (name: string): Tensor3D =>
      reshape(linear(inputOf(rows, name), given[name] as Tensor2D), [B, T, dim])
    const { out, keys, values } = cachedAttention(
      { q: project('q'), k: project('k'), v: project('v') },
      { keys: given['keys'] as Tensor4D, values: given['values'] as Tensor4D },
      { last: given['last'] as Tensor1D, longest: given['longest'] as Tensor1D },
      ropeTables(capacity, width, 100),
      { heads, kvHeads: heads },
    )
    return { out, 'keys.after': keys, 'values.after': values }
  }

/** Numbers that differ from matrix to matrix; what they stand for does not matter here. */
const matrix = (seed: number, block: 16 | 32 = 32): PackedMatrix => ({
  shape: [dim, dim],
  bits: 4,
  block,
  data: Uint8Array.from({ length: (dim * dim) / 2 }, (_, i) => seed * 31 + i),
  scales: new Float32Array((dim * dim) / block).fill(seed),
})

function frozenGraph(weights: Record<string, FrozenWeight>, inputOf = (x: Tensor2D): Tensor2D => x) {
  const shapes = Object.fromEntries(Object.entries(weights).map(([name, { shape }]) => [name, shape]))
  return freeze(trace(attend(inputOf), inputs, shapes), weights)
}

describe('queries, keys and values', () => {
  test('of one input are one product, whose weights lie behind each other', () => {
    const weights = { q: matrix(1), k: matrix(2), v: matrix(3) }
    const { graph, initializers } = frozenGraph(weights)
    const products = graph.nodes.filter(({ op }) => op === 'MatMulNBits')
    expect(products.map(({ attributes }) => attributes['N'])).toEqual([{ int: 3 * dim }])
    const attention = graph.nodes.find(({ op }) => op === 'GroupQueryAttention')!
    expect(attention.inputs.slice(0, 3)).toEqual([products[0]!.outputs[0], '', ''])
    expect(Object.keys(initializers).toSorted()).toEqual(graph.weights.map(({ name }) => name).toSorted())
    const joined = initializers[products[0]!.inputs[1]!]!
    const parts = Object.values(weights).flatMap(({ data }) => Array.from(data))
    expect(Array.from(joined.data)).toEqual(parts)
    expect(joined.shape[0]).toBe(3 * dim)
  })

  test('stay apart where one of them is packed in other blocks', () => {
    const { graph } = frozenGraph({ q: matrix(1), k: matrix(2, 16), v: matrix(3) })
    expect(graph.nodes.filter(({ op }) => op === 'MatMulNBits')).toHaveLength(3)
  })
})
