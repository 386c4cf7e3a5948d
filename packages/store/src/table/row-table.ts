import type { RowOptions } from '@stemkit/spec/row-driver'
import type { RowLayout } from '../layout.ts'

/** A consistent state of all rows. */
export interface TableVersion {
  /** Numbered from 1, which is the table as it was made. */
  readonly version: number
  /** Rows that differ from version 1's places, cumulative. */
  readonly movedRows: number
  /** Whether it is kept until `drop` is called, or only as long as it is the newest or pinned. */
  readonly kept: boolean
  /** What its maker wrote beside it. */
  readonly note?: string
}

/**
 * Rows with checksums and versions, over any driver. A snapshot is a consistent version; until the next one, no row that
 * a readable version needs is ever overwritten.
 */
export interface RowTable {
  /** Random, given when the table was made: two tables never share it. */
  readonly id: string
  readonly rows: number
  readonly layout: RowLayout
  /** Bytes of one row as read and written here: `payloadBytes(layout)`. */
  readonly rowBytes: number
  readonly writable: boolean
  /** The version that it stands on: what it was opened at, or its last snapshot. */
  readonly version: number
  /**
   * Copies rows `ids` (sorted, unique) into `into` (`ids.length * rowBytes` bytes), in that order, own writes included.
   * Rejects with `corrupt`, naming the row, where a checksum does not match.
   */
  read(ids: Uint32Array, into: Uint8Array, options?: RowOptions): Promise<void>
  /** Replaces rows. They are part of the next snapshot; before it, only this object sees them. */
  write(ids: Uint32Array, from: Uint8Array, options?: RowOptions): Promise<void>
  /** Makes all writes so far a version, durable as far as the driver goes, and returns its number. */
  snapshot(options?: RowOptions & { readonly keep?: boolean; readonly note?: string }): Promise<number>
  versions(options?: RowOptions): Promise<readonly TableVersion[]>
  /** Lets go of a kept version; its places are used again once nobody reads it. */
  drop(version: number, options?: RowOptions): Promise<void>
  /** Closes the driver too. Writes after the last snapshot are lost. */
  dispose(): Promise<void>
}
