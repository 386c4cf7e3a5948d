import type { RowStore, RowStoreStats } from '@stemkit/store'

/**
 * Names for what tokens read: two sources of one scope that give a token the same key read the same row for it, now and
 * ever, so what was computed with one serves the other.
 */
export interface RowKeys {
  readonly scope: string
  of(token: number): number
}

/** Where the rows of a model's tables can be read: a `RowStore`, or what `overlayRows` makes of a table and overlays. */
export interface RowSource extends Pick<RowStore, 'id' | 'version' | 'rows' | 'layout' | 'gather' | 'prefetch'> {
  /** Names of the overlays that lie over the table, the last on top. */
  readonly overlays?: readonly string[]
  readonly keys?: RowKeys
  stats?(): RowStoreStats
}

/** Table and version, as in `d3b0.../7`, with the overlays over it, as in `d3b0.../7+facts`; undefined for rows without versions. */
export function nameOfRows({ id, version, overlays = [] }: RowSource): string | undefined {
  return id === undefined ? undefined : [`${id}/${version}`, ...overlays].join('+')
}
