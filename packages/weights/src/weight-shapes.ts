import { StemkitError } from '@stemkit/spec/errors'
import type { ModelConfig } from '@stemkit/spec/model-config'
import { isFloat } from './dtype.ts'
import { withoutPacking } from './packed/packed-tensors.ts'
import { quote } from './strict-json.ts'
import { showShape, type TensorInfo } from './tensor.ts'

const BUILT_IN: ReadonlySet<string> = new Set(['dense', 'stem', 'hash_moe'])

/**
 * The name and shape of every weight, in the order of the forward pass; matrices [out, in], tables [V, d_ff]. A
 * user's own feed-forward has weights that only the user knows: those are left out.
 */
export function weightShapes(config: ModelConfig): Map<string, number[]> {
  const { dim, heads, kvHeads, headDim, vocabSize } = config
  const shapes = new Map<string, number[]>([['model.embed_tokens.weight', [vocabSize, dim]]])
  for (let layer = 0; layer < config.layers; layer++) {
    const at = `model.layers.${layer}`
    shapes.set(`${at}.input_layernorm.weight`, [dim])
    shapes.set(`${at}.self_attn.q_proj.weight`, [heads * headDim, dim])
    shapes.set(`${at}.self_attn.k_proj.weight`, [kvHeads * headDim, dim])
    shapes.set(`${at}.self_attn.v_proj.weight`, [kvHeads * headDim, dim])
    shapes.set(`${at}.self_attn.o_proj.weight`, [dim, heads * headDim])
    shapes.set(`${at}.post_attention_layernorm.weight`, [dim])
    for (const [name, shape] of feedForwardShapes(config, layer)) shapes.set(`${at}.mlp.${name}.weight`, shape)
  }
  return shapes.set('model.norm.weight', [dim]).set('lm_head.weight', [vocabSize, dim])
}

function feedForwardShapes(
  { dim, ffnHidden, vocabSize, feedForwards, experts = 0 }: ModelConfig,
  layer: number,
): [string, number[]][] {
  const gate: [string, number[]] = ['gate_proj', [ffnHidden, dim]]
  const up: [string, number[]] = ['up_proj', [ffnHidden, dim]]
  const down: [string, number[]] = ['down_proj', [dim, ffnHidden]]
  switch (feedForwards[layer]) {
    case 'dense':
      return [gate, up, down]
    case 'stem':
      return [gate, down, ['stem_table', [vocabSize, ffnHidden]]]
    case 'hash_moe':
      return Array.from({ length: experts }, (_, expert) => expert).flatMap((expert) =>
        [gate, up, down].map(([name, shape]): [string, number[]] => [`experts.${expert}.${name}`, shape]),
      )
    default:
      return []
  }
}

export interface CheckOptions {
  /** Whether the tables of STEM layers may be absent, because a store holds them. Default false. */
  readonly optionalTables?: boolean
}

/**
 * Compares tensors with what a config asks for: names, shapes, and that they hold floats or packed matrices.
 * @throws bad-input with one line that names the tensors that are missing, unexpected or of another shape
 */
export function checkWeights(
  config: ModelConfig,
  tensors: ReadonlyMap<string, TensorInfo>,
  { optionalTables = false }: CheckOptions = {},
): void {
  const custom = config.feedForwards.flatMap((kind, layer) =>
    BUILT_IN.has(kind) ? [] : [`model.layers.${layer}.mlp.`],
  )
  compareTensors(weightShapes(config), withoutPacking(tensors), {
    mayBeAbsent: (name) => optionalTables && name.endsWith('.mlp.stem_table.weight'),
    mayBeExtra: (name) => custom.some((prefix) => name.startsWith(prefix)),
  })
}

/** `checkWeights` for names of any layout. */
export function compareTensors(
  expected: ReadonlyMap<string, readonly number[]>,
  tensors: ReadonlyMap<string, TensorInfo>,
  { mayBeAbsent, mayBeExtra }: { mayBeAbsent: (name: string) => boolean; mayBeExtra: (name: string) => boolean },
): void {
  const problems: string[] = []
  for (const [name, shape] of expected) {
    const found = tensors.get(name)
    if (found === undefined) {
      if (!mayBeAbsent(name)) problems.push(`${name} ${showShape(shape)} is missing`)
    } else if (showShape(found.shape) !== showShape(shape)) {
      problems.push(`${name} is ${showShape(found.shape)} instead of ${showShape(shape)}`)
    } else if (!isFloat(found.dtype)) {
      problems.push(`${name} is ${found.dtype}, but weights are floats`)
    }
  }
  for (const [name, { shape }] of tensors) {
    if (!expected.has(name) && !mayBeExtra(name)) problems.push(`${quote(name)} ${showShape(shape)} is not expected`)
  }
  if (problems.length === 0) return
  const shown = problems.slice(0, 4).join('; ')
  const more = problems.length > 4 ? `; and ${problems.length - 4} more` : ''
  throw new StemkitError('bad-input', `the weights do not fit the config: ${shown}${more}`)
}
