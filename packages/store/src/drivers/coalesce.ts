/** One request to a medium: places `first` to `first + rows`, of which the call wants `ids[from]` to `ids[from + count]`. */
export interface Run {
  /** The first place. */
  readonly first: number
  /** Places, the unwanted ones in gaps included. */
  readonly rows: number
  /** Where in the ids of the call the run begins. */
  readonly from: number
  /** How many of those ids it serves. Equal to `rows` if there are no gaps. */
  readonly count: number
}

export interface CoalesceOptions {
  readonly rowBytes: number
  /** No run is larger, save that of a single row which is. */
  readonly mostBytes: number
  /** Up to so many unwanted places are read along rather than asked around. 0 where places are written. */
  readonly gap: number
}

/** Merges sorted, unique ids into as few runs as the limits allow. */
export function coalesce(ids: Uint32Array, { rowBytes, mostBytes, gap }: CoalesceOptions): Run[] {
  const mostRows = Math.max(1, Math.floor(mostBytes / rowBytes))
  const runs: Run[] = []
  for (let from = 0, to = 1; from < ids.length; from = to, to++) {
    const first = ids[from]!
    while (to < ids.length && ids[to]! - ids[to - 1]! - 1 <= gap && ids[to]! - first < mostRows) to++
    runs.push({ first, rows: ids[to - 1]! - first + 1, from, count: to - from })
  }
  return runs
}
