import { StemkitError } from '@stemkit/spec/errors'
import type { BlockOptions } from './row-table.ts'

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

/** What the two ways of moving rows have to know. */
export interface Records {
  /** Bytes of a row. */
  readonly rowBytes: number
  /** Bytes of its place, the checksum included. */
  readonly stride: number
  /** What errors call the rows; undefined where the driver does not say. */
  readonly where: string | undefined
}

/** Row i of a transfer in its block. */
export function rowIn(block: Uint8Array, { at, stride }: RowTransfer, rowBytes: number, i: number): Uint8Array {
  const start = (at?.[i] ?? i) * (stride ?? rowBytes)
  return block.subarray(start, start + rowBytes)
}

export const corruptRow = ({ where = 'row table' }: Records, id: number, place: number): StemkitError =>
  new StemkitError('corrupt', `${where}: row ${id} (place ${place}) does not match its checksum`)

export const signalOf = ({ signal }: RowTransfer): { signal?: AbortSignal } => (signal === undefined ? {} : { signal })
