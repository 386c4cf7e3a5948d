import type { Evaluation } from './evaluate.ts'

/** One optimiser step as a run reports it; plain JSON values. */
export interface TrainStep {
  /** Counted from 0, as in the schedule: after it the trainer has taken `index + 1` steps. */
  readonly index: number
  /** Mean loss over the step's counted positions before the update, in nats. */
  readonly loss: number
  /** Learning rate. */
  readonly lr: number
  /** Global gradient norm before clipping. */
  readonly gradNorm: number
  /** Norm of the table gradients, where they are clipped separately. */
  readonly tableGradNorm?: number
  /** Positions in this step. */
  readonly tokens: number
  /** How long this step took, waiting for its data included. */
  readonly seconds: number
  readonly tokensPerSecond: number
  /** Distinct table rows that the step read. */
  readonly uniqueRows: number
  /** Bytes copied between buffers beside the graph. */
  readonly bytesCopied: number
  /** Tokens so far, earlier parts of a resumed run included. */
  readonly totalTokens: number
  /** Seconds in steps so far. */
  readonly totalSeconds: number
  /** Floating-point operations so far, if the cost of a token was given. */
  readonly flops?: number
  /** Model FLOP utilisation: this step's FLOP/s as a share of the peak, if both were given. */
  readonly mfu?: number
  /** Held-out loss after this step, where one was due. */
  readonly evaluation?: Evaluation
}

export interface Cost {
  /** Operations of forward and backward for one token. */
  readonly flopsPerToken?: number | undefined
  /** What the machine could do at best, FLOP/s. */
  readonly peakFlops?: number | undefined
}

/** FLOPs so far and the utilisation of one step, as far as `cost` allows to know them. */
export function utilisation(
  cost: Cost,
  { totalTokens, tokensPerSecond }: { readonly totalTokens: number; readonly tokensPerSecond: number },
): { flops?: number; mfu?: number } {
  const { flopsPerToken, peakFlops } = cost
  if (flopsPerToken === undefined) return {}
  const flops = totalTokens * flopsPerToken
  return peakFlops === undefined ? { flops } : { flops, mfu: (tokensPerSecond * flopsPerToken) / peakFlops }
}
