import '@tensorflow/tfjs-backend-cpu'
import { gatedFfn, gatherRows, rmsNorm, setBackend, sum, valueAndGrads } from '@stemkit/tensor'
import type { Scalar, Tensor, Tensor1D, Tensor2D } from '@stemkit/tensor'
import { beforeAll, expect, test } from 'vitest'
import { trace } from '../index.ts'
import type { GraphNode } from '../graph.ts'

beforeAll(async () => {
  await setBackend('cpu')
})

/** Loss and gradients of one STEM block: N 5, d 4, w 6, 3 rows. */
function block(): readonly GraphNode[] {
  const shapes = { x: [5, 4], gain: [4], rows: [3, 6], gate: [6, 4], down: [4, 6] }
  const float = Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => [name, { dtype: 'float32' as const, shape }]),
  )
  const names = Object.keys(shapes)
  const { nodes } = trace(
    (inputs) => {
      const loss = (x: Tensor, gain: Tensor, rows: Tensor, gate: Tensor, down: Tensor): Scalar => {
        const up = gatherRows(rows as Tensor2D, inputs['inverse'] as Tensor1D)
        const weights = { gate: gate as Tensor2D, down: down as Tensor2D }
        return sum(gatedFfn(rmsNorm(x as Tensor2D, gain as Tensor1D, 1e-5), up, weights))
      }
      const { value, grads } = valueAndGrads(loss)(names.map((name) => inputs[name]!) as never)
      return { value, ...Object.fromEntries(names.map((name, i) => [`grad.${name}`, (grads as Tensor[])[i]!])) }
    },
    { ...float, inverse: { dtype: 'int32', shape: [5] } },
  )
  return nodes
}

const readersOf = (nodes: readonly GraphNode[], op: string): string[] => {
  const made = new Set(nodes.filter((node) => node.op === op).flatMap((node) => node.outputs.slice(0, 1)))
  return nodes.filter(({ inputs }) => inputs.some((name) => made.has(name))).map((node) => node.op)
}

test('the backward pass keeps no gathered row, no SiLU and no normalised input of the forward pass', () => {
  const nodes = block()
  expect(readersOf(nodes, 'Gather')).toEqual(['Mul'])
  expect(readersOf(nodes, 'QuickGelu')).toEqual(['Mul'])
  expect(readersOf(nodes, 'SimplifiedLayerNormalization')).toEqual(['Gemm'])
  expect(readersOf(nodes, 'GatherND').length).toBeGreaterThan(0)
})

test('what only the caller reads comes last, the earliest of it at the very end', () => {
  const nodes = block()
  const read = new Set(nodes.flatMap(({ inputs }) => inputs))
  const isLeaf = nodes.map(({ outputs }) => !outputs.some((name) => read.has(name)))
  expect(isLeaf.indexOf(true)).toBe(isLeaf.lastIndexOf(false) + 1)
  const leaves = nodes.filter((_, i) => isLeaf[i]).flatMap(({ outputs }) => outputs)
  expect(leaves.at(-1)).toBe('value')
  expect(leaves.indexOf('grad.down')).toBeGreaterThan(leaves.indexOf('grad.rows'))
})
