import type { EfficacyCell, LocalityCell, Scope } from './measure/cells.ts'
import type { Findings } from './measure/experiment.ts'
import { CHANGES, type Change } from './measure/readings.ts'
import type { WordingSet } from './measure/recall.ts'

interface Asked {
  readonly change: Change
  readonly set: WordingSet
  readonly relation?: Scope
}

/** Overwriting edits of pairs of equal numbers of tokens. */
export const equalTokens = (findings: Findings, asked: Asked): EfficacyCell | undefined =>
  overwriting(findings, asked, 'one_to_one')

/** Overwriting edits of all pairs, each by the strategy that stands for its numbers of tokens. */
export const overall = (findings: Findings, asked: Asked): EfficacyCell | undefined =>
  overwriting(findings, asked, 'default')

function overwriting(
  { efficacy }: Findings,
  { change, set, relation = 'all' }: Asked,
  strategy: EfficacyCell['strategy'],
): EfficacyCell | undefined {
  return efficacy.find(
    (cell) =>
      cell.change === change &&
      cell.set === set &&
      cell.relation === relation &&
      cell.operation === 'overwrite' &&
      cell.strategy === strategy &&
      !cell.layers,
  )
}

/** Countries that were not edited, after overwriting edits of all pairs. */
export const overallLocality = (
  { locality }: Findings,
  {
    change,
    shares,
    relation = 'all',
  }: { readonly change: Change; readonly shares: boolean; readonly relation?: Scope },
): LocalityCell | undefined =>
  locality.find(
    (cell) =>
      cell.change === change &&
      cell.shares === shares &&
      cell.relation === relation &&
      cell.operation === 'overwrite' &&
      cell.strategy === 'default',
  )

/** Changes of which a model has overall numbers. */
export const changesOf = (findings: Findings): Change[] =>
  CHANGES.filter((change) => overall(findings, { change, set: 'training' }) !== undefined)
