import { withInterval, type FactsTable } from './facts-table.ts'
import type { Findings } from './measure/experiment.ts'

/** Groups of fewer pairs say too little. */
const FEWEST = 10

export const tokenTable = (models: readonly Findings[]): FactsTable => ({
  heading:
    'By numbers of tokens, edits of rows: the answer that the edit wants is the likeliest; one_to_one, copying, subset_first',
  head: ['model, tokens of what', 'trained words', 'held-out words', 'pairs'],
  rows: models.flatMap(({ label, byTokens }) =>
    byTokens
      .filter(({ change, set, wanted }) => change === 'rows' && set === 'training' && wanted.n >= FEWEST)
      .toSorted((a, b) =>
        a.of === b.of ? a.tokens.localeCompare(b.tokens, 'en', { numeric: true }) : a.of < b.of ? 1 : -1,
      )
      .map(({ of, tokens, wanted }) => {
        const heldOut = byTokens.find(
          (cell) => cell.change === 'rows' && cell.set === 'heldOut' && cell.of === of && cell.tokens === tokens,
        )!
        return [`${label}, ${of} ${tokens}`, withInterval(wanted), withInterval(heldOut.wanted), String(wanted.n)]
      }),
  ),
})
