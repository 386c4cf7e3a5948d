import type { RunResult } from './run.ts'

/** A run in a few numbers, as `--json` prints them. */
export interface RunSummary {
  readonly label: string
  /** Nats per token over all of the held-out text. */
  readonly heldOut: number
  /** The same of a bigram model counted on the same tokens. */
  readonly bigram: number
  readonly steps: number
  readonly tokens: number
  readonly flopsPerToken: number
  readonly flops: number
  /** Median over the steps. */
  readonly tokensPerSecond: number
  readonly parameters: RunResult['parameters']
  readonly modelFolder: string
}

export function summaryOf(result: RunResult): RunSummary {
  const { label, heldOut, bigramLoss, steps, flopsPerToken, parameters, modelFolder } = result
  const tokens = steps.at(-1)?.totalTokens ?? 0
  const speeds = steps.map((step) => step.tokensPerSecond).toSorted((a, b) => a - b)
  return {
    label,
    heldOut: heldOut.loss,
    bigram: bigramLoss,
    steps: steps.length,
    tokens,
    flopsPerToken,
    flops: flopsPerToken * tokens,
    tokensPerSecond: speeds[Math.floor(speeds.length / 2)] ?? 0,
    parameters,
    modelFolder,
  }
}
