import type { RowOptions } from '@stemkit/spec/row-driver'
import type { RowLayout } from '../layout.ts'
import type { OverlayKeys } from '../overlay/overlay-view.ts'

/** A consistent state of all rows. */
export interface TableVersion {
  /** Numbered from 1, which is the table as it was made. Numbers grow, but some may be left out, and none comes again. */
  readonly version: number
  /** The version that last changed a row of the table itself; those since then changed overlays alone. */
  readonly content: number
  /** Rows that differ from version 1's places, cumulative. */
  readonly movedRows: number
  /** Whether it is kept until `drop` is called, or only as long as it is the newest or pinned. */
  readonly kept: boolean
  /** What its maker wrote beside it. */
  readonly note?: string
}

/** A named set of changed rows over those of a table, which may be another one. */
export interface Overlay {
  /** Counts the overlays ever made in this table. */
  readonly number: number
  readonly name: string
  readonly note?: string
  /** How many rows it changes. */
  readonly rows: number
  /** The rows that it was made for. On any others it is refused. */
  readonly base: RowsIdentity
}

/** Which rows: those of a table, as a version left them. */
export interface RowsIdentity {
  readonly table: string
  readonly content: number
}

export interface BlockOptions extends RowOptions {
  /** Row i is row `at[i]` of the block. Default: row i. */
  readonly at?: Uint32Array
  /** Bytes from one row of the block to the next. Default: those of a row. */
  readonly stride?: number
}

export interface AddOverlayOptions extends RowOptions {
  readonly note?: string
  /** The rows that it changes. Default: those of this table, as they are now. */
  readonly base?: RowsIdentity & { readonly rows: number }
}

/**
 * Rows with checksums and versions, over any driver. A snapshot is a consistent version; until the next one, no row that
 * a readable version needs is ever overwritten.
 *
 * Calls may overlap; those that touch the same row take effect in the order in which they were made. Once a call has
 * settled it touches the caller's buffers no more.
 */
export interface RowTable {
  /** Random, given when the table was made: two tables never share it. */
  readonly id: string
  readonly rows: number
  readonly layout: RowLayout
  /** Bytes of one row as read and written here: `payloadBytes(layout)`. */
  readonly rowBytes: number
  readonly writable: boolean
  /** Says that `read` and `write` take `at` and `stride`, which a driver does not. */
  readonly takesAt: true
  /** The version that it stands on: what it was opened at, or its last snapshot. */
  readonly version: number
  /** The version that last changed a row, as of the one that it stands on. */
  readonly content: number
  /** The overlays of the version that it stands on, oldest first. */
  readonly overlays: readonly Overlay[]
  /**
   * Copies rows `ids` (unique, best sorted) into `into` (`ids.length * rowBytes` bytes unless `at` and `stride` say
   * otherwise), own writes included. An id may also be the key of an overlay's row.
   * Rejects with `corrupt`, naming the row, where a checksum does not match; with `io` for a row whose last write failed;
   * with `conflict` when a reader's hold on its version ran out.
   */
  read(ids: Uint32Array, into: Uint8Array, options?: BlockOptions): Promise<void>
  /**
   * Replaces rows (sorted, unique). They are part of the next snapshot; before it, only this object sees them. Where it
   * fails or is aborted half-way, its rows have to be written again: until then they cannot be read, and there is no
   * snapshot. Rejects with `conflict` once another writer has taken over.
   */
  write(ids: Uint32Array, from: Uint8Array, options?: BlockOptions): Promise<void>
  /**
   * Makes all writes so far a version, durable as far as the driver goes, and returns its number; where there is nothing
   * new to `keep` or `note`, that of the last one. Versions later than the one that this object was opened at are
   * discarded by its first snapshot. If the medium fails in the middle, what it holds is unknown, this object writes no
   * more, and the table has to be opened again: at the last snapshot, or at this one.
   */
  snapshot(options?: RowOptions & { readonly keep?: boolean; readonly note?: string }): Promise<number>
  versions(options?: RowOptions): Promise<readonly TableVersion[]>
  /** Lets go of a kept version; its places are used again once nobody reads it. */
  drop(version: number, options?: RowOptions): Promise<void>
  /** Moves a reader to the newest version and returns its number. A writer stays where it is. */
  refresh(options?: RowOptions): Promise<number>
  /**
   * Stores `rows` under `ids` (sorted, unique) as an overlay, and makes a version that has it: all of it is there or
   * nothing. Rejects with `conflict` if the name is taken, or rows were written since the last snapshot.
   */
  addOverlay(name: string, ids: Uint32Array, rows: Uint8Array, options?: AddOverlayOptions): Promise<Overlay>
  /** Makes a version without the overlay. The rows of the table never changed. */
  removeOverlay(name: string, options?: RowOptions): Promise<void>
  /** The rows that an overlay changes, ascending, and the key under which `read` takes each of them. */
  overlayKeys(name: string, options?: RowOptions): Promise<OverlayKeys>
  /** Closes the driver too. Writes after the last snapshot are lost. */
  dispose(): Promise<void>
}
