import type { RowDriver, RowOptions } from '@stemkit/spec/row-driver'
import { recordOf } from './load-places.ts'
import { getRecord, GONE, mergeEntries, type Entries } from './records.ts'
import type { Root } from './root.ts'

/**
 * A chain of records with `entries` at its end, each record more than twice as long as the one after it: what is shorter is
 * merged. So n moved rows make a chain of at most 2 + log2(n) records, and a pair is rewritten, amortised, O(log n) times
 * (a single snapshot may rewrite all of them: 8 bytes a moved row).
 * @returns what the last record of the chain is to hold, and the numbers of those before it
 */
export async function extendChain(
  metas: NonNullable<RowDriver['meta']>,
  root: Root,
  chain: readonly number[],
  entries: Entries,
  options: RowOptions,
): Promise<{ before: number[]; entries: Entries }> {
  const before = [...chain]
  let merged = entries
  for (let last = before.at(-1); last !== undefined; last = before.at(-1)) {
    const ref = recordOf(root, last)
    if (ref.entries > 2 * merged.ids.length) break
    merged = mergeEntries(await getRecord(metas, ref, options), merged)
    before.pop()
  }
  return { before, entries: before.length === 0 ? withoutDefaults(merged, root.rows) : merged }
}

/** At the start of a chain, rows at home and keys that are gone need not be said. */
function withoutDefaults({ ids, values }: Entries, rows: number): Entries {
  const isSaid = (_: number, i: number): boolean => (ids[i]! < rows ? values[i] !== ids[i] : values[i] !== GONE)
  return { ids: ids.filter(isSaid), values: values.filter(isSaid) }
}
