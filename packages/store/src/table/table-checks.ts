import { StemkitError } from '@stemkit/spec/errors'
import type { Root, RootVersion } from './root.ts'
import type { BlockOptions, TableVersion } from './row-table.ts'

/** @throws bad-input if a block has not the size that its rows need */
export function checkBlock(
  rowBytes: number,
  ids: Uint32Array,
  block: Uint8Array,
  { at, stride }: Pick<BlockOptions, 'at' | 'stride'> = {},
): void {
  if (at !== undefined && at.length !== ids.length) {
    throw new StemkitError('bad-input', `row table: 'at' has ${at.length} entries for ${ids.length} rows`)
  }
  if (stride !== undefined && !(Number.isInteger(stride) && stride >= rowBytes)) {
    throw new StemkitError('bad-input', `row table: a stride of ${stride} bytes for rows of ${rowBytes}`)
  }
  const slots = at === undefined ? ids.length : at.reduce((most, slot) => Math.max(most, slot + 1), 0)
  const needed = slots === 0 ? 0 : (slots - 1) * (stride ?? rowBytes) + rowBytes
  const isExact = at === undefined && stride === undefined
  if (isExact ? block.length !== needed : block.length < needed) {
    throw new StemkitError(
      'bad-input',
      `row table: a block of ${block.length} bytes where ${slots} rows of ${rowBytes} need ${needed}`,
    )
  }
}

export const isAscending = (ids: Uint32Array): boolean => ids.every((id, i) => i === 0 || ids[i - 1]! < id)

/** @throws bad-input if ids are not sorted, unique and below `rows` */
export function checkIds(ids: Uint32Array, rows: number): void {
  if (!isAscending(ids)) throw new StemkitError('bad-input', 'row table: ids must be sorted and unique')
  const last = ids.at(-1)
  if (last !== undefined && last >= rows) {
    throw new StemkitError('bad-input', `row table: row ${last} is not one of ${rows}`)
  }
}

export const noSuchRow = (id: number, rows: number): StemkitError =>
  new StemkitError('bad-input', `row table: row ${id} is not one of ${rows}, nor the key of an overlay's row`)

/** The versions that can be opened, oldest first. */
export const openVersions = ({ versions }: Root): TableVersion[] =>
  versions
    .filter(({ retired }) => !retired)
    .map(({ version, content, movedRows, kept, note }) => ({
      version,
      content,
      movedRows,
      kept,
      ...(note !== undefined && { note }),
    }))

/**
 * A version that can be opened; without a number, the newest.
 * @throws not-found, saying which there are
 */
export function findVersion(root: Root, number: number | undefined): RootVersion {
  const open = root.versions.filter(({ retired }) => !retired)
  const found = number === undefined ? open.at(-1) : open.find(({ version }) => version === number)
  if (found !== undefined) return found
  const known = open.map(({ version }) => version).join(', ')
  throw new StemkitError('not-found', `row table: no version ${number}; there are ${known}`)
}
