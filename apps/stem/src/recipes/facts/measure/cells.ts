import { wilson, type Share, type Strategy } from '@stemkit/edit'
import type { Relation } from '../relations.ts'
import type { Effect, Method } from './efficacy.ts'
import type { Bystander } from './locality.ts'
import type { Lengths } from './pairs.ts'
import type { Change } from './readings.ts'
import type { Recalled, WordingSet } from './recall.ts'

/** A relation, or all of them together. */
export type Scope = Relation | 'all'

/** How pairs were edited: by one strategy, or each by that of `DEFAULT_STRATEGIES` which suits its numbers of tokens. */
export interface MethodKey extends Omit<Method, 'strategy'> {
  readonly strategy: Strategy | 'default'
  readonly lengths: Lengths | 'any'
}

/** The strategies that stand for all others where one is wanted for any numbers of tokens. */
export const DEFAULT_STRATEGIES: readonly Strategy[] = ['one_to_one', 'copying', 'subset_first']

export interface RecallCell {
  readonly relation: Scope
  readonly set: WordingSet
  /** The true answer is the likeliest of the relation's. Trials are facts. */
  readonly right: Share
  readonly generated: Share
}

export interface EfficacyCell extends MethodKey {
  readonly relation: Scope
  readonly side: Effect['side']
  readonly set: WordingSet
  readonly prompts: number
  /** The answer that the edit wants is the likeliest of the relation's. Trials are pairs. */
  readonly wanted: Share
  /** The same of those prompts to which the untouched model answers truly for both countries. */
  readonly wantedOfKnown: Share
  /** The likeliest answer begins with the same token. */
  readonly begins: Share
  /** Greedy decoding gives exactly that answer. */
  readonly generated: Share
  /** The answer from before the edit still is the likeliest. */
  readonly old: Share
  /** The untouched model: the wanted answer is the likeliest, and the true one is. */
  readonly before: { readonly wanted: Share; readonly old: Share }
}

export interface LocalityCell extends MethodKey {
  readonly relation: Scope
  /** Whether the countries that are asked about share a token with the edited one. */
  readonly shares: boolean
  readonly prompts: number
  /** The likeliest answer is the one from before. Trials are pairs. */
  readonly kept: Share
  /** It is the true one; and it was before the edit. */
  readonly right: Share
  readonly wasRight: Share
}

/** Cells of recall, for each relation and all together. */
export const recallCells = (recalled: readonly Recalled[]): RecallCell[] =>
  grouped(recalled, ({ fact, set }) => [{ relation: fact.relation, set }]).map(({ key, members }) => ({
    ...key,
    right: shareOf(members, trialOfRecall, ({ fact, chosen }) => chosen === fact.answer),
    generated: shareOf(members, trialOfRecall, ({ generated }) => generated),
  }))

const trialOfRecall = ({ fact }: Recalled): unknown => fact

export const efficacyCells = (effects: readonly Effect[]): EfficacyCell[] =>
  grouped(effects, (effect) => {
    const { relation, side, set } = effect
    return keysOf(effect).map((method) => ({ relation, ...method, side, set }))
  }).map(({ key, members }) => {
    const share = (isSo: (effect: Effect) => boolean, of = members): Share => shareOf(of, ({ pair }) => pair, isSo)
    const isWanted = ({ answer }: Effect): boolean => answer === 'wanted'
    return {
      ...key,
      prompts: members.length,
      wanted: share(isWanted),
      wantedOfKnown: share(
        isWanted,
        members.filter(({ known }) => known),
      ),
      begins: share(({ begins }) => begins),
      generated: share(({ generated }) => generated),
      old: share(({ answer }) => answer === 'old'),
      before: {
        wanted: share(({ before }) => before === 'wanted'),
        old: share(({ before }) => before === 'old'),
      },
    }
  })

export const localityCells = (bystanders: readonly Bystander[]): LocalityCell[] =>
  grouped(bystanders, (bystander) => {
    const { relation, shares } = bystander
    return keysOf(bystander).map((method) => ({ relation, ...method, shares }))
  }).map(({ key, members }) => {
    const share = (isSo: (bystander: Bystander) => boolean): Share => shareOf(members, ({ pair }) => pair, isSo)
    return {
      ...key,
      prompts: members.length,
      kept: share(({ kept }) => kept),
      right: share(({ right }) => right),
      wasRight: share(({ wasRight }) => wasRight),
    }
  })

/** Efficacy by numbers of tokens, with the default strategies and all relations together. */
export interface TokenCell {
  readonly change: Change
  readonly set: WordingSet
  /** Of what: the two names, as in `1 to 2`, or the answer that the edit wants. */
  readonly of: 'names' | 'answer'
  readonly tokens: string
  readonly wanted: Share
}

export const tokenCells = (effects: readonly Effect[]): TokenCell[] =>
  grouped(
    effects.filter((effect) => effect.operation === 'overwrite' && isDefault(effect)),
    ({ relation, change, set, tokens, answerTokens }) => [
      { relation, change, set, of: 'names' as const, tokens },
      { relation, change, set, of: 'answer' as const, tokens: String(answerTokens) },
    ],
  ).flatMap(({ key: { relation, ...key }, members }) => {
    const wanted = shareOf(
      members,
      ({ pair }) => pair,
      ({ answer }) => answer === 'wanted',
    )
    return relation === 'all' ? [{ ...key, wanted }] : []
  })

function keysOf(member: Method & { readonly lengths: Lengths }): MethodKey[] {
  const { change, operation, strategy, layers, lengths } = member
  const common = { change, operation, ...(layers && { layers }) }
  const own: MethodKey = { ...common, strategy, lengths }
  return isDefault(member) ? [own, { ...common, strategy: 'default', lengths: 'any' }] : [own]
}

const isDefault = ({ strategy, layers }: Method): boolean => !layers && DEFAULT_STRATEGIES.includes(strategy)

/** The mean over trials of the share of each in which it is so. */
function shareOf<T>(members: readonly T[], trialOf: (member: T) => unknown, isSo: (member: T) => boolean): Share {
  const trials = new Map<unknown, { all: number; so: number }>()
  for (const member of members) {
    const trial = trials.get(trialOf(member)) ?? { all: 0, so: 0 }
    trial.all++
    if (isSo(member)) trial.so++
    trials.set(trialOf(member), trial)
  }
  let sum = 0
  for (const { all, so } of trials.values()) sum += so / all
  return wilson(trials.size === 0 ? 0 : sum / trials.size, trials.size)
}

/** Members with the same key together, and once more all relations together. */
function grouped<T, K extends { readonly relation: Relation }>(
  members: readonly T[],
  keysFor: (member: T) => readonly K[],
): { readonly key: Omit<K, 'relation'> & { readonly relation: Scope }; readonly members: T[] }[] {
  const groups = new Map<string, { key: Omit<K, 'relation'> & { relation: Scope }; members: T[] }>()
  for (const member of members) {
    for (const own of keysFor(member)) {
      for (const relation of ['all', own.relation] as const) {
        const key = { ...own, relation }
        const name = JSON.stringify(key)
        const group = groups.get(name) ?? { key, members: [] }
        group.members.push(member)
        groups.set(name, group)
      }
    }
  }
  return [...groups.values()]
}
