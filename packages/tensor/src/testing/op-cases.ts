import { attention } from '../attention.ts'
import { crossEntropy, linearCrossEntropy } from '../cross-entropy.ts'
import { gatedFfn, siluMul } from '../gated-ffn.ts'
import { gatherRows } from '../gather-rows.ts'
import { linear } from '../linear.ts'
import { causalMask, documentMask } from '../masks.ts'
import { rmsNorm } from '../rms-norm.ts'
import { rope, ropeTables } from '../rope.ts'
import type { Tensor, Tensor1D, Tensor2D, Tensor3D, Tensor4D } from '../tfjs.ts'
import { blockCase } from './block-case.ts'
import { integers, normal } from './op-case.ts'
import type { OpCase, TensorData } from './op-case.ts'
import * as reference from './reference.ts'

type Inputs<T> = Record<string, T>

// Inputs are records, as a backend's own tests pass them; these give them the rank that an op's signature wants.
const vector = (x: Tensor | undefined) => x as Tensor1D
const matrix = (x: Tensor | undefined) => x as Tensor2D
const cube = (x: Tensor | undefined) => x as Tensor3D
const data = (inputs: Inputs<TensorData>, name: string) => inputs[name]!.data

const linearCase = (N: number, inner: number, outer: number): OpCase => ({
  name: `linear [${N}, ${inner}] x [${outer}, ${inner}]`,
  inputs: () => ({ x: normal(1, [N, inner]), w: normal(2, [outer, inner]) }),
  run: ({ x, w }) => linear(matrix(x), matrix(w)),
  reference: (inputs) => reference.linear(data(inputs, 'x'), data(inputs, 'w'), inner),
  differentiable: ['x', 'w'],
})

const rmsNormCase = (name: string, x: TensorData, eps: number): OpCase => ({
  name: `rmsNorm ${name}`,
  inputs: () => ({ x, gain: normal(3, [x.shape[1]!], 0.3, 1) }),
  run: (inputs) => rmsNorm(matrix(inputs.x), vector(inputs.gain), eps),
  reference: (inputs) => reference.rmsNorm(data(inputs, 'x'), data(inputs, 'gain'), eps),
  differentiable: ['x', 'gain'],
})

const ropeCase = (name: string, positions: TensorData, heads: number, hd: number, theta: number): OpCase => ({
  name: `rope ${name}`,
  inputs: () => ({ x: normal(4, [...positions.shape, heads * hd]), positions }),
  run: (inputs) => rope(cube(inputs.x), matrix(inputs.positions), ropeTables(600, hd, theta), heads),
  reference: (inputs) => reference.rope(data(inputs, 'x'), data(inputs, 'positions'), heads, hd, theta),
  differentiable: ['x'],
})

const attentionCase = (name: string, sizes: reference.AttentionSizes, documents?: TensorData): OpCase => ({
  name: `attention ${name}`,
  inputs: () => {
    const { B, T, heads, kvHeads, hd } = sizes
    const inputs = {
      q: normal(5, [B, T, heads * hd], 1.5),
      k: normal(6, [B, T, kvHeads * hd], 1.5),
      v: normal(7, [B, T, kvHeads * hd]),
    }
    return documents === undefined ? inputs : { ...inputs, documents }
  },
  run: (inputs) => {
    const mask: Tensor4D = inputs.documents === undefined ? causalMask(sizes.T) : documentMask(matrix(inputs.documents))
    return attention(cube(inputs.q), cube(inputs.k), cube(inputs.v), mask, sizes)
  },
  reference: (inputs) =>
    reference.attention(data(inputs, 'q'), data(inputs, 'k'), data(inputs, 'v'), sizes, inputs.documents?.data),
  differentiable: ['q', 'k', 'v'],
})

const gatherRowsCase = (name: string, indices: TensorData, U: number, w: number): OpCase => ({
  name: `gatherRows ${name}`,
  inputs: () => ({ rows: normal(8, [U, w]), indices }),
  run: (inputs) => gatherRows(matrix(inputs.rows), vector(inputs.indices)),
  reference: (inputs) => reference.gatherRows(data(inputs, 'rows'), data(inputs, 'indices'), w),
  differentiable: ['rows'],
})

const crossEntropyCase = (name: string, deviation: number): OpCase => ({
  name: `crossEntropy ${name}`,
  inputs: () => ({ logits: normal(9, [5, 7], deviation), targets: integers([5], [0, 6, 3, 3, 1]) }),
  run: (inputs) => crossEntropy(matrix(inputs.logits), vector(inputs.targets)),
  reference: (inputs) => reference.crossEntropy(data(inputs, 'logits'), data(inputs, 'targets')),
  differentiable: ['logits'],
})

/** Every op of this package, at small shapes that show a transposed axis, a wrong head or an unmasked pair. */
export const opCases: readonly OpCase[] = [
  linearCase(5, 7, 3),
  linearCase(1, 4, 6),

  rmsNormCase('of ordinary rows', normal(10, [5, 8]), 1e-5),
  rmsNormCase('of rows so small that eps matters', normal(11, [3, 6], 1e-2), 1e-4),

  ropeCase('with running positions', integers([1, 5], [0, 1, 2, 3, 4]), 3, 4, 1e4),
  ropeCase('with positions that start again', integers([2, 4], [0, 1, 0, 1, 5, 6, 0, 599]), 2, 6, 500),

  attentionCase('with one head', { B: 1, T: 5, heads: 1, kvHeads: 1, hd: 4 }),
  attentionCase('with as many key/value heads', { B: 2, T: 4, heads: 3, kvHeads: 3, hd: 2 }),
  attentionCase('with grouped key/value heads', { B: 2, T: 5, heads: 6, kvHeads: 2, hd: 4 }),
  attentionCase(
    'inside documents',
    { B: 2, T: 6, heads: 4, kvHeads: 2, hd: 2 },
    integers([2, 6], [0, 0, 0, 1, 1, 2, 0, 1, 1, 1, 1, 1]),
  ),

  {
    name: 'siluMul',
    inputs: () => ({ gate: normal(12, [4, 6], 2), up: normal(13, [4, 6]) }),
    run: ({ gate, up }) => siluMul(matrix(gate), matrix(up)),
    reference: (inputs) => reference.siluMul(data(inputs, 'gate'), data(inputs, 'up')),
    differentiable: ['gate', 'up'],
  },
  {
    name: 'gatedFfn around rows given',
    inputs: () => ({
      x: normal(14, [5, 4]),
      up: normal(15, [5, 6]),
      gate: normal(16, [6, 4]),
      down: normal(17, [4, 6]),
    }),
    run: ({ x, up, gate, down }) => gatedFfn(matrix(x), matrix(up), { gate: matrix(gate), down: matrix(down) }),
    reference: (inputs) => {
      const gate = reference.linear(data(inputs, 'x'), data(inputs, 'gate'), 4)
      return reference.linear(reference.siluMul(gate, data(inputs, 'up')), data(inputs, 'down'), 6)
    },
    differentiable: ['x', 'up', 'gate', 'down'],
  },

  gatherRowsCase('with rows used often, once and never', integers([7], [3, 0, 3, 3, 1, 0, 5]), 6, 4),
  gatherRowsCase('of one row', integers([3], [0, 0, 0]), 1, 2),

  crossEntropyCase('of ordinary logits', 2),
  crossEntropyCase('of logits so far apart that probabilities vanish', 120),
  {
    name: 'linearCrossEntropy',
    inputs: () => ({ x: normal(18, [6, 5]), w: normal(19, [9, 5]), targets: integers([6], [8, 0, 4, 4, 4, 7]) }),
    run: ({ x, w, targets }) => linearCrossEntropy(matrix(x), matrix(w), vector(targets)),
    reference: (inputs) =>
      reference.crossEntropy(reference.linear(data(inputs, 'x'), data(inputs, 'w'), 5), data(inputs, 'targets')),
    differentiable: ['x', 'w'],
  },

  blockCase,
]
