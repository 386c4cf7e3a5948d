import { mean } from '../scores/aggregations.ts'

/** Scores of a needle by depth and length, as a heat map draws them. */
export interface NeedleMap {
  /** Tokens, ascending: the columns. */
  readonly lengths: readonly number[]
  /** Percent, ascending: the rows. */
  readonly depths: readonly number[]
  /** Mean score by depth, then length, 0 to 1; null where there is no sample. */
  readonly scores: readonly (readonly (number | null)[])[]
  /** Samples by depth, then length. */
  readonly counts: readonly (readonly number[])[]
}

/** What the map is made of: samples of `needle_grid`, as a run has or logs them. */
export interface NeedleSample {
  readonly doc: Readonly<Record<string, unknown>>
  readonly [metric: string]: unknown
}

/** Scores by depth and length. Samples of other tasks, which have no depth, are left out. */
export function needleMap(samples: readonly NeedleSample[]): NeedleMap {
  const cells = new Map<string, number[]>()
  const lengths = new Set<number>()
  const depths = new Set<number>()
  for (const { doc, score } of samples) {
    const { target_length: length, depth } = doc
    if (typeof length !== 'number' || typeof depth !== 'number' || typeof score !== 'number') continue
    lengths.add(length)
    depths.add(depth)
    const cell = `${depth} ${length}`
    cells.set(cell, [...(cells.get(cell) ?? []), score])
  }
  const ascending = (numbers: ReadonlySet<number>) => [...numbers].toSorted((a, b) => a - b)
  const columns = ascending(lengths)
  const table = ascending(depths).map((depth) => columns.map((length) => cells.get(`${depth} ${length}`) ?? []))
  return {
    lengths: columns,
    depths: ascending(depths),
    scores: table.map((line) => line.map((scores) => (scores.length === 0 ? null : mean(scores)))),
    counts: table.map((line) => line.map(({ length }) => length)),
  }
}
