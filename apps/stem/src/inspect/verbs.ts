import type { TableInit } from '@stemkit/model'
import { InvalidArgumentError, Option, type Command } from 'commander'
import { wholeNumber } from '../commands/number-option.ts'
import { tableInitOption } from '../commands/table-init-option.ts'
import { modelVerb, several, type Common } from './options.ts'

// What the verbs take. What they do is loaded when it is asked for: help needs none of it.

const TEXT_HELP =
  'text files, or .jsonl with a text a line; may be repeated (default: the State of the Union addresses)'

/** All pairs, up to so many rows; that many drawn ones beyond. */
export const ALL_UP_TO = 8192
export const DRAWN = 200_000

export interface SpreadFlags extends Common {
  readonly dense?: string
  readonly text?: readonly string[]
  readonly maxTokens: number
  readonly pairs?: number | 'all'
  readonly seed: number
  readonly initialSeed: number
  readonly tableInit?: TableInit
}

export function spreadVerb(): Command {
  return modelVerb(
    'spread',
    'the angles between the rows of each table and its effective rank, beside the initialisation and a dense model',
    '{ model, layers, rows, pairs, subjects }',
  )
    .option('--dense <model>', 'a dense model to compare with: what its up-projection gives for the same tokens')
    .option('--text <file>', `only tokens of these texts: ${TEXT_HELP}`, several)
    .option('--max-tokens <n>', 'tokens of the texts to read', wholeNumber(2), 4096)
    .option(
      '--pairs <n>',
      `pairs to draw, or all (default: all of up to ${ALL_UP_TO} rows, else ${DRAWN})`,
      pairsOption,
    )
    .option('--seed <n>', 'of the drawn pairs and occurrences', wholeNumber(0), 0)
    .option(
      '--initial-seed <n>',
      'of the initialisation to compare with: the seed of the run gives its own',
      wholeNumber(0),
      0,
    )
    .addOption(tableInitOption('of the initialisation; angles do not depend on it'))
    .action(async (folder: string, flags: SpreadFlags) => {
      const { showSpread } = await import('./spread.ts')
      await showSpread(folder, flags)
    })
}

export interface NeighboursFlags extends Common {
  readonly token?: readonly string[]
  readonly id?: readonly number[]
  readonly count: number
}

export function neighboursVerb(): Command {
  const oneId = (value: string, before: readonly number[] = []): number[] => [...before, wholeNumber(0)(value)]
  return modelVerb(
    'neighbours',
    'the rows that lie nearest to the row of a token, in each table',
    '{ model, chance, tokens }',
  )
    .option(
      '--token <text>',
      'a token, with its leading space if it has one; of a longer text each; may be repeated',
      several,
    )
    .option('--id <n>', 'a token by its id; may be repeated', oneId)
    .option('--count <n>', 'neighbours to name', wholeNumber(1), 10)
    .action(async (folder: string, flags: NeighboursFlags) => {
      const { showNeighbours } = await import('./neighbours.ts')
      await showNeighbours(folder, flags)
    })
}

export interface AttributionFlags extends Common {
  readonly prompt: string
  readonly target?: string
  readonly replace: 'mean' | 'zero'
  readonly by: 'row' | 'occurrence'
}

export function attributionVerb(): Command {
  return modelVerb(
    'attribution',
    'which rows a prediction leaned on: each is replaced, one at a time, and beside it what the gradient says',
    '{ prompt, target, logProbability, effects }',
  )
    .requiredOption('--prompt <text>', 'what the model reads')
    .option(
      '--target <text>',
      "the continuation to explain, its leading space included (default: the model's likeliest token)",
    )
    .addOption(
      new Option('--replace <with>', "what takes a row's place: the mean row of its table, or zeros")
        .choices(['mean', 'zero'])
        .default('mean'),
    )
    .addOption(
      new Option('--by <unit>', 'replace a row wherever the text reads it, or at one place only')
        .choices(['row', 'occurrence'])
        .default('row'),
    )
    .action(async (folder: string, flags: AttributionFlags) => {
      const { showAttribution } = await import('./attribution.ts')
      await showAttribution(folder, flags)
    })
}

export interface CapacityFlags extends Common {
  readonly text?: readonly string[]
  readonly experts?: number
  readonly memoryHeads?: number
  readonly memorySelected?: number
  readonly memoryKeys?: number
}

export function capacityVerb(): Command {
  return modelVerb(
    'capacity',
    'how many distinct parameters a text activates as it grows: STEM, dense, hash mixture, product-key memory',
    '{ model, layers, lengths, texts, distinctTokens, curves }',
  )
    .option('--text <file>', TEXT_HELP, several)
    .option('--experts <n>', 'of the mixture (default: as many parameters as the STEM model)', wholeNumber(1))
    .option('--memory-heads <n>', 'of the product-key memory (default: 4)', wholeNumber(1))
    .option('--memory-selected <n>', 'values that each head reads for a token (default: 32)', wholeNumber(1))
    .option(
      '--memory-keys <n>',
      'keys of each half; values are its square (default: the size of the tables)',
      wholeNumber(1),
    )
    .action(async (folder: string, flags: CapacityFlags) => {
      const { showCapacity } = await import('./capacity.ts')
      await showCapacity(folder, flags)
    })
}

function pairsOption(value: string): number | 'all' {
  if (value === 'all') return 'all'
  const count = Number(value)
  if (Number.isInteger(count) && count > 0) return count
  throw new InvalidArgumentError("It must be a whole number above 0, or 'all'.")
}
