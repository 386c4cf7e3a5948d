import type { Command } from 'commander'
import { number, wholeNumber } from '../../commands/number-option.ts'

/** How rows are fitted. */
export interface InjectionFlags {
  readonly layers?: readonly number[]
  readonly steps?: number
  readonly learningRate?: number
  readonly stopLoss?: number
  readonly kl?: number
  readonly distance?: number
  readonly neutral: number
  readonly prefixes: number
  readonly seed: number
}

/** Adds what a fit may be told, but for `--layers` and `--seed`, which mean more than that to some verbs. */
export function withInjection(verb: Command): Command {
  return verb
    .option('--steps <n>', 'steps of the fit, at most (default: 100)', wholeNumber(1))
    .option('--learning-rate <x>', "of the fit, as a share of the rows' root mean square (default: 0.1)", number)
    .option('--stop-loss <x>', 'done when a target token costs less than this, in nats (default: 0.05)', number)
    .option('--kl <x>', 'weight of staying the same on neutral texts, a nat for a nat (default: 1)', number)
    .option('--distance <x>', 'weight of staying near to the old rows (default: 0.01)', number)
    .option('--neutral <n>', 'neutral texts, and as many to measure on', wholeNumber(0), 8)
    .option('--prefixes <n>', 'other beginnings of the model that statements are put behind', wholeNumber(0), 0)
}

/** Of a fit, what is given. */
export const fitOptions = ({ layers, steps, learningRate, stopLoss, kl, distance }: InjectionFlags) => ({
  layers,
  steps,
  learningRate,
  stopLoss,
  kl,
  l2: distance,
})
