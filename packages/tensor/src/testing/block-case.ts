import { attention } from '../attention.ts'
import { linearCrossEntropy } from '../cross-entropy.ts'
import { gatedFfn } from '../gated-ffn.ts'
import { gatherRows } from '../gather-rows.ts'
import { linear } from '../linear.ts'
import { documentMask } from '../masks.ts'
import { rmsNorm } from '../rms-norm.ts'
import { rope, ropeTables } from '../rope.ts'
import { add, reshape } from '../tfjs.ts'
import type { Tensor, Tensor1D, Tensor2D, Tensor3D } from '../tfjs.ts'
import { integers, normal } from './op-case.ts'
import type { OpCase, TensorData } from './op-case.ts'
import * as reference from './reference.ts'

const [B, T, heads, kvHeads, hd, f, V] = [2, 5, 4, 2, 2, 6, 9]
const N = B * T
const d = heads * hd
const sizes = { B, T, heads, kvHeads, hd }
const EPS = 1e-5
const THETA = 1e4

const weights = {
  embedding: [V, d],
  norm1: [d],
  norm2: [d],
  norm: [d],
  q: [heads * hd, d],
  k: [kvHeads * hd, d],
  v: [kvHeads * hd, d],
  o: [d, heads * hd],
  gate: [f, d],
  down: [d, f],
  rows: [4, f],
  head: [V, d],
}
type Weight = keyof typeof weights

/** One whole STEM transformer layer with embedding, head and loss: the ops as they meet in a model. */
export const blockCase: OpCase = {
  name: 'a transformer layer with STEM rows',
  inputs: () => ({
    ...Object.fromEntries(
      Object.entries(weights).map(([name, shape], i) => [
        name,
        shape.length === 1 ? normal(30 + i, shape, 0.2, 1) : normal(30 + i, shape, name === 'embedding' ? 1 : 0.5),
      ]),
    ),
    ids: integers([N], [1, 7, 7, 0, 3, 3, 1, 0, 7, 7]),
    inverse: integers([N], [1, 3, 3, 0, 2, 2, 1, 0, 3, 3]),
    targets: integers([N], [7, 7, 0, 3, 8, 1, 0, 7, 7, 2]),
    positions: integers([B, T], [0, 1, 2, 0, 1, 0, 1, 0, 1, 2]),
    documents: integers([B, T], [0, 0, 0, 1, 1, 0, 0, 1, 1, 1]),
  }),
  run: (inputs) => {
    const w = inputs as Record<Weight, Tensor2D>
    const ids = inputs as Record<'ids' | 'inverse' | 'targets', Tensor1D>
    const tables = ropeTables(T, hd, THETA)
    const gain = (name: Weight) => w[name] as Tensor as Tensor1D
    const sequences = (x: Tensor) => reshape(x, [B, T, -1]) as Tensor3D
    const turn = (x: Tensor, count: number) => rope(sequences(x), inputs.positions as Tensor2D, tables, count)

    const h0 = gatherRows(w.embedding, ids.ids)
    const n1 = rmsNorm(h0, gain('norm1'), EPS)
    const mixed = attention(
      turn(linear(n1, w.q), heads),
      turn(linear(n1, w.k), kvHeads),
      sequences(linear(n1, w.v)),
      documentMask(inputs.documents as Tensor2D),
      sizes,
    )
    const h1 = add(h0, linear(reshape(mixed, [N, d]), w.o)) as Tensor2D
    const h2 = add(h1, gatedFfn(rmsNorm(h1, gain('norm2'), EPS), gatherRows(w.rows, ids.inverse), w)) as Tensor2D
    return linearCrossEntropy(rmsNorm(h2, gain('norm'), EPS), w.head, ids.targets)
  },
  reference: (inputs: Record<string, TensorData>) => {
    const of = (name: Weight | 'ids' | 'inverse' | 'targets' | 'positions' | 'documents') => inputs[name]!.data
    const turn = (x: reference.Numbers, count: number) => reference.rope(x, of('positions'), count, hd, THETA)

    const h0 = reference.gatherRows(of('embedding'), of('ids'), d)
    const n1 = reference.rmsNorm(h0, of('norm1'), EPS)
    const mixed = reference.attention(
      turn(reference.linear(n1, of('q'), d), heads),
      turn(reference.linear(n1, of('k'), d), kvHeads),
      reference.linear(n1, of('v'), d),
      sizes,
      of('documents'),
    )
    const h1 = reference.plus(h0, reference.linear(mixed, of('o'), d))
    const n2 = reference.rmsNorm(h1, of('norm2'), EPS)
    const up = reference.gatherRows(of('rows'), of('inverse'), f)
    const inner = reference.siluMul(reference.linear(n2, of('gate'), d), up)
    const h2 = reference.plus(h1, reference.linear(inner, of('down'), f))
    const logits = reference.linear(reference.rmsNorm(h2, of('norm'), EPS), of('head'), d)
    return reference.crossEntropy(logits, of('targets'))
  },
  differentiable: Object.keys(weights),
}
