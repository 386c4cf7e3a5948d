/**
 * Kernels that a tfjs backend may register to run an op of this package in one piece. Inputs, attributes and outputs
 * below are a contract: change one and every backend that implements it must follow.
 *
 * N rows; B batch, T positions; d model width; H query heads, G key/value heads, R = H / G, hd head width;
 * f feed-forward width; U rows and w their width; V vocabulary; P positions in the rotary tables.
 * All tensors are float32 unless a comment says int32.
 */
import type { Tensor } from './tfjs.ts'

/** c [M, N] = a' b', where a' is `a` [M, K], or `a` [K, M] if transposeA; b' is `b` [K, N], or `b` [N, K] if transposeB. */
export const StemGemm = 'StemGemm'
export type StemGemmInputs = { a: Tensor; b: Tensor }
export type StemGemmAttrs = { transposeA: boolean; transposeB: boolean }

/** x [N, d], gain [d] -> [y [N, d], inverse [N, 1]]; inverse = 1 / sqrt(mean(x^2) + eps), y = gain * x * inverse. */
export const StemRmsNorm = 'StemRmsNorm'
export type StemRmsNormInputs = { x: Tensor; gain: Tensor }
export type StemRmsNormAttrs = { eps: number }

/** dy [N, d], x [N, d], gain [d], inverse [N, 1] -> [dx [N, d], dgain [d]]. No attributes. */
export const StemRmsNormGrad = 'StemRmsNormGrad'
export type StemRmsNormGradInputs = { dy: Tensor; x: Tensor; gain: Tensor; inverse: Tensor }

/**
 * x [B, T, H*hd], positions int32 [B, T], cos and sin [P, hd/2] -> [y [B, T, H*hd]]. Channels (2i, 2i+1) of a head are
 * a pair (a, b) -> (a cos - b sin, a sin + b cos) at row `position`, column i. The gradient is the same with -sin.
 */
export const StemRope = 'StemRope'
export type StemRopeInputs = { x: Tensor; positions: Tensor; cos: Tensor; sin: Tensor }
export type StemRopeAttrs = { heads: number }

/**
 * q [B, T, H*hd], k and v [B, T, G*hd], mask [1 or B, 1, T, T] (added to the scores) ->
 * [out [B, T, H*hd], probabilities [B, G, R*T, T]]. Scores are scaled by 1/sqrt(hd). Query head h = g*R + r uses
 * key/value head g; its probabilities are rows r*T .. r*T + T - 1 of group g.
 */
export const StemAttention = 'StemAttention'
export type StemAttentionInputs = { q: Tensor; k: Tensor; v: Tensor; mask: Tensor }
export type StemAttentionAttrs = { heads: number; kvHeads: number }

/** dout [B, T, H*hd], and what StemAttention read and wrote -> [dq, dk, dv] in the shapes of q, k, v. */
export const StemAttentionGrad = 'StemAttentionGrad'
export type StemAttentionGradInputs = {
  dout: Tensor
  q: Tensor
  k: Tensor
  v: Tensor
  probabilities: Tensor
  out: Tensor
}

/**
 * q [B, T, H*hd], k and v [B, T, G*hd], keys and values [B, G, C, w] (w >= hd; the rest of each row is 0), last int32 [B],
 * longest int32 [1], cos and sin [P, hd/2] -> [out [B, T, H*hd], keys, values]. New position t of sequence b is
 * last[b] - T + 1 + t. q and k are turned by it (see StemRope), and k and v written to it, before the attention, which is
 * causal and scaled by 1/sqrt(hd). longest is max(last) + 1. A backend may write keys and values in place.
 * With keyScales and valueScales [G*hd], keys and values are int32 of -128 to 127, each of which stands for itself times the scale of
 * its head and channel; what is written is rounded to the nearest of them, halves to even.
 */
export const StemCachedAttention = 'StemCachedAttention'
export type StemCachedAttentionInputs = {
  q: Tensor
  k: Tensor
  v: Tensor
  keys: Tensor
  values: Tensor
  last: Tensor
  longest: Tensor
  cos: Tensor
  sin: Tensor
  keyScales?: Tensor
  valueScales?: Tensor
}
export type StemCachedAttentionAttrs = { heads: number; kvHeads: number }

/** gate [N, f], up [N, f] -> [h [N, f], sigmoid [N, f]]; sigmoid is of gate, h = gate * sigmoid * up. No attributes. */
export const StemSiluMul = 'StemSiluMul'
export type StemSiluMulInputs = { gate: Tensor; up: Tensor }

/** dh, gate, up, sigmoid, all [N, f] -> [dgate, dup]. No attributes. */
export const StemSiluMulGrad = 'StemSiluMulGrad'
export type StemSiluMulGradInputs = { dh: Tensor; gate: Tensor; up: Tensor; sigmoid: Tensor }

/** rows [U, w], indices int32 [N] -> [y [N, w]]. No attributes. */
export const StemGatherRows = 'StemGatherRows'
export type StemGatherRowsInputs = { rows: Tensor; indices: Tensor }

/** dy [N, w], rows [U, w] (only its shape matters), indices int32 [N] -> [drows [U, w]]: equal indices add up. */
export const StemGatherRowsGrad = 'StemGatherRowsGrad'
export type StemGatherRowsGradInputs = { dy: Tensor; rows: Tensor; indices: Tensor }

/**
 * x [N, d], w [V, d], targets int32 [N] -> [loss [N], probabilities [N, V]] of the logits x w^T, in nats. No attributes.
 */
export const StemLinearCrossEntropy = 'StemLinearCrossEntropy'
export type StemLinearCrossEntropyInputs = { x: Tensor; w: Tensor; targets: Tensor }

/**
 * dloss [N], probabilities [N, V], x, w, targets -> [dx, dw]: dx = c * ((p - 1_t) w), dw = (p - 1_t)^T (c * x), where c
 * is dloss as a column. No attributes.
 */
export const StemLinearCrossEntropyGrad = 'StemLinearCrossEntropyGrad'
export type StemLinearCrossEntropyGradInputs = {
  dloss: Tensor
  probabilities: Tensor
  x: Tensor
  w: Tensor
  targets: Tensor
}

/** logits [N, V], targets int32 [N] -> [loss [N], probabilities [N, V]]. No attributes. */
export const StemCrossEntropy = 'StemCrossEntropy'
export type StemCrossEntropyInputs = { logits: Tensor; targets: Tensor }

/** dloss [N], probabilities [N, V], targets -> [dlogits [N, V]] = c * (p - 1_t). No attributes. */
export const StemCrossEntropyGrad = 'StemCrossEntropyGrad'
export type StemCrossEntropyGradInputs = { dloss: Tensor; probabilities: Tensor; targets: Tensor }
