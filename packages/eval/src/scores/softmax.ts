import { numpyExp } from './numpy-exp.ts'
import { numpySum } from './numpy-sum.ts'

/** Probabilities from log-probabilities that need not add up to one. */
export function softmax(logprobs: readonly number[]): number[] {
  const largest = Math.max(...logprobs)
  const powers = logprobs.map((logprob) => numpyExp(logprob - largest))
  const total = numpySum(powers)
  return powers.map((power) => power / total)
}
