import { StemkitError } from '@stemkit/spec/errors'
import type { PartedRows } from '../drivers/rows-in-parts.ts'
import { payloadBytes, type RowLayout } from '../layout.ts'
import { partedIo } from './parted-io.ts'
import type { BlockOptions } from './row-table.ts'
import { stagedIo } from './staged-io.ts'

/** Bytes of one place of a driver that holds such rows: the row, its CRC-32, zeros up to a multiple of 16. */
export const recordBytes = (layout: RowLayout): number => Math.ceil((payloadBytes(layout) + 4) / 16) * 16

export interface RowTransfer {
  /** Ids of the rows; a row's checksum starts from its id, so that it cannot be taken for another one. */
  readonly ids: Uint32Array
  /** Where they lie. */
  readonly places: Uint32Array
  /** Row i is row `at[i]` of the block. Default: i. */
  readonly at?: BlockOptions['at'] | undefined
  /** Bytes from one row of the block to the next. Default: those of a row. */
  readonly stride?: BlockOptions['stride'] | undefined
  readonly signal?: AbortSignal | undefined
}

export interface RowIo {
  /** Bytes of a row without its checksum. */
  readonly rowBytes: number
  /** @throws corrupt, naming the row whose checksum does not match */
  read(rows: RowTransfer, into: Uint8Array): Promise<void>
  write(rows: RowTransfer, from: Uint8Array): Promise<void>
}

/** From so many bytes on, handing over a row in parts costs less than copying it. */
const WIDE = 4096

/** Rows with checksums in the places of a driver. Once a call settles it is done with the caller's buffers. */
export function rowIo(driver: PartedRows, layout: RowLayout): RowIo {
  const rowBytes = payloadBytes(layout)
  const sizes = { rowBytes, stride: recordBytes(layout) }
  const { inParts } = driver
  return {
    rowBytes,
    ...(inParts !== undefined && rowBytes >= WIDE ? partedIo(inParts, sizes) : stagedIo(driver, sizes)),
  }
}

/** What the two ways of moving rows have to know. */
export interface RecordSizes {
  /** Bytes of a row. */
  readonly rowBytes: number
  /** Bytes of its place, the checksum included. */
  readonly stride: number
}

/** Row i of a transfer in its block. */
export function rowIn(block: Uint8Array, { at, stride }: RowTransfer, rowBytes: number, i: number): Uint8Array {
  const start = (at?.[i] ?? i) * (stride ?? rowBytes)
  return block.subarray(start, start + rowBytes)
}

export const corruptRow = (id: number, place: number): StemkitError =>
  new StemkitError('corrupt', `row table: row ${id} (place ${place}) does not match its checksum`)

export const signalOf = ({ signal }: RowTransfer): { signal?: AbortSignal } => (signal === undefined ? {} : { signal })
