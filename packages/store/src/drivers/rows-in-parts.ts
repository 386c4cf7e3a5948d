import type { RowDriver, RowOptions } from '@stemkit/spec/row-driver'

export interface PartsOptions extends RowOptions {
  /** Called as soon as rows `ids[from]` to `ids[from + count]` are there. What it throws, the call rejects with. */
  readonly onRows?: (from: number, count: number) => void
}

/**
 * What a driver may do beyond its contract: rows in parts that lie anywhere in memory, each row in equally many, one after
 * the other, for those whose rows and checksums lie apart. All else is as in `read` and `write` of a RowDriver. Whoever
 * wraps a driver to see what is written has to wrap these two as well, or leave them out.
 */
export interface RowsInParts {
  read(ids: Uint32Array, into: readonly Uint8Array[], options?: PartsOptions): Promise<void>
  write?(ids: Uint32Array, from: readonly Uint8Array[], options?: RowOptions): Promise<void>
}

export type PartedRows = RowDriver & { readonly inParts?: RowsInParts }
