import type { ModelConfig } from '@stemkit/spec/model-config'
import { add, linearCrossEntropy, mul, sum, tidy, withScope } from '@stemkit/tensor'
import type { Scalar, Tensor1D, Tensor2D } from '@stemkit/tensor'
import { buildFeedForwards, type FeedForwardInputs } from './feed-forward.ts'
import { transformer, type SequenceInputs } from './transformer.ts'
import { readWeights, type Weights } from './weights.ts'

/** A batch as tensors. Positions are counted row by row, N = B * T. */
export interface LossInputs extends SequenceInputs, FeedForwardInputs {
  /** The next tokens, int32 [N]. */
  readonly targets: Tensor1D
}

/** Negative log-likelihood of every target in nats [N], and the feed-forwards' own loss if there is one. */
export function perTokenLoss(
  config: ModelConfig,
  weights: Weights,
  inputs: LossInputs,
): { losses: Tensor1D; aux?: Scalar } {
  return tidy(() => {
    const { hidden, ...rest } = transformer(config, weights, inputs, buildFeedForwards(config, weights, inputs))
    const head = readWeights(weights)('lm_head.weight') as Tensor2D
    return { losses: withScope('lm_head', () => linearCrossEntropy(hidden, head, inputs.targets)), ...rest }
  })
}

/**
 * What training minimises: sum(lossWeights * losses), plus the feed-forwards' own loss. For the mean over counted
 * positions `lossWeights` [N] is mask / (number of counted positions); see `meanLossWeights`.
 */
export function nextTokenLoss(
  config: ModelConfig,
  weights: Weights,
  inputs: LossInputs & { readonly lossWeights: Tensor1D },
): Scalar {
  return tidy(() => {
    const { losses, aux } = perTokenLoss(config, weights, inputs)
    const loss: Scalar = sum(mul(inputs.lossWeights, losses))
    return aux === undefined ? loss : add(loss, aux)
  })
}

/** mask [N] of zeros and ones -> mask / count; all zeros if nothing counts. `count` defaults to the mask's own sum. */
export function meanLossWeights(mask: Float32Array, count = mask.reduce((a, b) => a + b, 0)): Float32Array {
  return count === 0 ? new Float32Array(mask.length) : mask.map((x) => x / count)
}
