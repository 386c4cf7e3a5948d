import type { PartedRows } from '../drivers/rows-in-parts.ts'
import { payloadBytes, type RowLayout } from '../layout.ts'
import { partedIo } from './parted-io.ts'
import type { RowIo } from './row-transfer.ts'
import { stagedIo } from './staged-io.ts'

/** Bytes of one place of a driver that holds such rows: the row, its CRC-32, zeros up to a multiple of 16. */
export const recordBytes = (layout: RowLayout): number => Math.ceil((payloadBytes(layout) + 4) / 16) * 16

/** From so many bytes on, handing over a row in parts costs less than copying it. */
const WIDE = 4096

/** Rows with checksums in the places of a driver. Once a call settles it is done with the caller's buffers. */
export function rowIo(driver: PartedRows, layout: RowLayout): RowIo {
  const rowBytes = payloadBytes(layout)
  const sizes = { rowBytes, stride: recordBytes(layout), where: driver.where }
  const { inParts } = driver
  return {
    rowBytes,
    ...(inParts !== undefined && rowBytes >= WIDE ? partedIo(inParts, sizes) : stagedIo(driver, sizes)),
  }
}
