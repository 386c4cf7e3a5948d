/** A small STEM decoder in operations of @stemkit/tensor: the other half of stem.py. */
import type { Engine } from '@stemkit/compile'
import { createModelConfig } from '@stemkit/model'
import { add, attention, causalMask, gatedFfn, gatherRows, linear, linearCrossEntropy, mean } from '@stemkit/tensor'
import { reshape, rmsNorm, rope, ropeTables, valueAndGrads } from '@stemkit/tensor'
import type { Scalar, Tensor, Tensor1D, Tensor2D, Tensor3D } from '@stemkit/tensor'
import { createTrainer, type ModelTrainer, type NamedArray } from '@stemkit/train'

const [DIM, LAYERS, HEADS, HIDDEN, VOCAB, BATCH, LENGTH] = [64, 2, 4, 128, 200, 4, 32]

// #region model
type Weights = Record<string, Tensor>
interface Inputs {
  ids: Tensor1D // [N], N = BATCH * LENGTH
  rowOf: Tensor1D // [N]: which of the rows that came in
  positions: Tensor2D // [BATCH, LENGTH]
}

function stemFeedForward(w: Weights, at: string, x: Tensor2D, rowOf: Tensor1D): Tensor2D {
  const matrix = (name: string) => w[`${at}.${name}.weight`] as Tensor2D
  const up = gatherRows(matrix('stem_table'), rowOf)
  return gatedFfn(x, up, { gate: matrix('gate_proj'), down: matrix('down_proj') })
}

function selfAttention(w: Weights, at: string, x: Tensor2D, rotate: (x: Tensor3D) => Tensor3D): Tensor2D {
  const matrix = (name: string) => w[`${at}.${name}.weight`] as Tensor2D
  const project = (name: string): Tensor3D => reshape(linear(x, matrix(name)), [BATCH, LENGTH, DIM])
  const [q, k, v] = [rotate(project('q_proj')), rotate(project('k_proj')), project('v_proj')]
  const y = attention(q, k, v, causalMask(LENGTH), { heads: HEADS, kvHeads: HEADS })
  return linear(reshape(y, [BATCH * LENGTH, DIM]), matrix('o_proj'))
}

function decoder(w: Weights, { ids, rowOf, positions }: Inputs): Tensor2D {
  const tables = ropeTables(LENGTH, DIM / HEADS, 10000)
  const rotate = (x: Tensor3D) => rope(x, positions, tables, HEADS)
  const norm = (x: Tensor2D, name: string) => rmsNorm(x, w[`${name}.weight`] as Tensor1D, 1e-5)
  let h = gatherRows(w['model.embed_tokens.weight'] as Tensor2D, ids)
  for (let layer = 0; layer < LAYERS; layer++) {
    const at = `model.layers.${layer}`
    h = add(h, selfAttention(w, `${at}.self_attn`, norm(h, `${at}.input_layernorm`), rotate))
    h = add(h, stemFeedForward(w, `${at}.mlp`, norm(h, `${at}.post_attention_layernorm`), rowOf))
  }
  return norm(h, 'model.norm')
}
// #endregion

// #region loss
function nextTokenLoss(w: Weights, inputs: Inputs, targets: Tensor1D): Scalar {
  const hidden = decoder(w, inputs)
  return mean(linearCrossEntropy(hidden, w['lm_head.weight'] as Tensor2D, targets))
}
// #endregion

/** Loss and gradients by the functions above, recorded once and run by an engine. */
export function compileGradients(engine: Engine, shapes: Record<string, readonly number[]>) {
  // #region gradients
  const names = Object.keys(shapes)
  const positions = { dtype: 'int32', shape: [BATCH * LENGTH] } as const
  return engine.load(
    (inputs) => {
      const batch = {
        ids: inputs['ids'] as Tensor1D,
        rowOf: inputs['rowOf'] as Tensor1D,
        positions: reshape(inputs['positions']!, [BATCH, LENGTH]) as Tensor2D,
      }
      const loss = (...weights: Tensor[]) =>
        nextTokenLoss(Object.fromEntries(names.map((n, i) => [n, weights[i]!])), batch, inputs['targets'] as Tensor1D)
      const { value, grads } = valueAndGrads(loss)(names.map((n) => inputs[n]!))
      return { loss: value, ...Object.fromEntries(names.map((n, i) => [`grad.${n}`, grads[i]!])) }
    },
    {
      ids: positions,
      rowOf: positions,
      positions,
      targets: positions,
      ...Object.fromEntries(
        names.map((n) => [
          n,
          { dtype: 'float32', shape: n.endsWith('stem_table.weight') ? ['U', HIDDEN] : shapes[n]! } as const,
        ]),
      ),
    },
  )
  // #endregion
}

export const config = createModelConfig({
  dim: DIM,
  layers: LAYERS,
  heads: HEADS,
  ffnHidden: HIDDEN,
  vocabSize: VOCAB,
  maxLength: LENGTH,
  kind: 'stem',
  placement: [0, 1],
})

export function trainerOf(engine: Engine, weights: ReadonlyMap<string, NamedArray>): Promise<ModelTrainer> {
  // #region step
  return createTrainer({
    config, // the shapes above: createModelConfig({ dim: 64, layers: 2, heads: 4, ... })
    weights, // or { seed: 1 }
    batch: { size: BATCH, length: LENGTH },
    engine,
    treatment: 'dense', // every row moves at every step, as nn.Embedding's do
    optimizer: { betas: [0.9, 0.95], weightDecay: 0.1, clip: { norm: 1 } },
  })
  // #endregion
}
