import { StemkitError } from '@stemkit/spec/errors'
import { rowOf, type RowValue } from './row-value.ts'

/** How a source of one number of tokens gets the rows of a target of another. */
export const STRATEGIES = [
  'one_to_one',
  'padding_right',
  'padding_left',
  'padding_keep',
  'copying',
  'copying_last',
  'subset_first',
  'subset_last',
  'subset_even',
  'mean',
  'expand_padding',
  'expand_repeat_last',
  'expand_copying',
] as const

export type Strategy = (typeof STRATEGIES)[number]

/** Those that lengthen the source in the text to as many tokens as the target has. */
export type ExpandStrategy = Extract<Strategy, `expand_${string}`>

export const changesText = (strategy: Strategy): strategy is ExpandStrategy => strategy.startsWith('expand_')

/** What each strategy is for: a source of as many tokens as the target, of more, or of fewer. */
function suits(strategy: Strategy, sources: number, targets: number): boolean {
  if (strategy === 'one_to_one') return sources === targets
  if (strategy.startsWith('padding') || strategy.startsWith('copying')) return sources > targets
  return sources < targets
}

/**
 * The first of some strategies that suits the numbers of tokens.
 * @throws bad-input naming those that would
 */
export function chooseStrategy(
  strategies: readonly Strategy[],
  { name, sources, targets }: { readonly name: string; readonly sources: number; readonly targets: number },
): Strategy {
  const found = strategies.find((strategy) => suits(strategy, sources, targets))
  if (found) return found
  const others = STRATEGIES.filter((strategy) => suits(strategy, sources, targets)).join(', ')
  throw new StemkitError(
    'bad-input',
    `edit '${name}': ${strategies.join(' or ')} cannot give ${sources} tokens the rows of ${targets}; take ${others}`,
  )
}

/** What the positions of a source of n_s tokens get. */
export interface Bridge {
  readonly name: string
  readonly source: readonly number[]
  readonly target: readonly number[]
  /** An ordinary token, whose row fills up. */
  readonly padId?: number | undefined
}

/**
 * The row at each of the source's positions [n_s], the text unchanged.
 * @throws bad-input for padding without a `padId`, and for a strategy that changes the text
 */
export function bridgeRows(strategy: Strategy, bridge: Bridge): RowValue[] {
  const { name, source, target } = bridge
  const [sources, targets] = [source.length, target.length]
  const pad = (): number[] => Array.from({ length: sources - targets }, () => padOf(strategy, bridge))
  const at = (index: (i: number) => number): number[] => source.map((_, i) => target[index(i)]!)
  switch (strategy) {
    case 'one_to_one':
    case 'subset_first':
      return at((i) => i).map(rowOf)
    case 'padding_right':
      return [...target, ...pad()].map(rowOf)
    case 'padding_left':
      return [...pad(), ...target].map(rowOf)
    case 'padding_keep':
      return [...target, ...source.slice(targets)].map(rowOf)
    case 'copying':
      return at((i) => i % targets).map(rowOf)
    case 'copying_last':
      return at((i) => Math.min(i, targets - 1)).map(rowOf)
    case 'subset_last':
      return at((i) => targets - sources + i).map(rowOf)
    case 'subset_even':
      return at((i) => (sources === 1 ? 0 : Math.floor((i * (targets - 1)) / (sources - 1)))).map(rowOf)
    case 'mean':
      return source.map(() => meanOf(target))
    default:
      throw new StemkitError(
        'bad-input',
        `edit '${name}': ${strategy} changes the text, which rows cannot; preview it as a text edit`,
      )
  }
}

export const meanOf = (tokens: readonly number[]): RowValue => ({
  terms: tokens.map((token) => ({ token, weight: 1 / tokens.length })),
})

/** The tokens that a source becomes in the text, as many as the target has [n_t]. */
export function expandTokens(strategy: ExpandStrategy, bridge: Bridge): number[] {
  const { source, target } = bridge
  return target.map((_, i) => {
    if (i < source.length) return source[i]!
    if (strategy === 'expand_padding') return padOf(strategy, bridge)
    return strategy === 'expand_repeat_last' ? source.at(-1)! : source[i % source.length]!
  })
}

function padOf(strategy: Strategy, { name, padId }: Bridge): number {
  if (padId !== undefined) return padId
  throw new StemkitError('bad-input', `edit '${name}': ${strategy} needs a padId, the token whose row fills up`)
}
