import type { EfficacyCell, LocalityCell, Scope } from './measure/cells.ts'
import type { Findings } from './measure/experiment.ts'
import { CHANGES, type Change } from './measure/readings.ts'
import type { WordingSet } from './measure/recall.ts'

/** Cells of all numbers of tokens together, each by the strategy that stands for its numbers. */
export function overall(
  { efficacy }: Findings,
  { change, set, relation = 'all' }: { readonly change: Change; readonly set: WordingSet; readonly relation?: Scope },
): EfficacyCell | undefined {
  return efficacy.find(
    (cell) =>
      cell.change === change &&
      cell.set === set &&
      cell.relation === relation &&
      cell.operation === 'overwrite' &&
      cell.strategy === 'default',
  )
}

/** The same of countries that were not edited. */
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
