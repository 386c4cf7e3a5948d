import { StemkitError } from '@stemkit/spec/errors'
import type { RowDriver, RowOptions } from '@stemkit/spec/row-driver'
import { recordOf } from '../table/load-places.ts'
import { getRecord, type Entries } from '../table/records.ts'
import { metasOf, type Root, type RootVersion } from '../table/root.ts'
import type { Overlay } from '../table/row-table.ts'
import { checkIds } from '../table/table-checks.ts'

/** The overlays of a version, oldest first. */
export function listOverlays(root: Root, version: RootVersion): Overlay[] {
  const numbers = new Set(version.overlays)
  return root.overlays.filter(({ number }) => numbers.has(number))
}

/** @throws not-found, saying which there are */
export function findOverlay(overlays: readonly Overlay[], name: string): Overlay {
  const found = overlays.find((overlay) => overlay.name === name)
  if (found !== undefined) return found
  const known = overlays.map((overlay) => `'${overlay.name}'`).join(', ') || 'none'
  throw new StemkitError('not-found', `row table: no overlay '${name}' in this version; it has ${known}`)
}

/**
 * An overlay, and the key of each of its rows by the id of the row that it replaces.
 * @throws not-found if there is none of this name, corrupt if its record is damaged
 */
export async function loadOverlay(
  driver: RowDriver,
  root: Root,
  version: RootVersion,
  name: string,
  options: RowOptions,
): Promise<{ overlay: Overlay; entries: Entries }> {
  const overlay = findOverlay(listOverlays(root, version), name)
  return { overlay, entries: await getRecord(metasOf(driver), recordOf(root, overlay.number), options) }
}

/** @throws bad-input for a name or ids that cannot be, conflict for a name that is taken */
export function checkOverlay(name: string, ids: Uint32Array, rows: number, overlays: readonly Overlay[]): void {
  if (!/^\S+$/.test(name)) {
    throw new StemkitError('bad-input', `row table: ${JSON.stringify(name)} is no name of an overlay; leave out spaces`)
  }
  if (ids.length === 0) throw new StemkitError('bad-input', `row table: overlay '${name}' has no rows`)
  checkIds(ids, rows)
  if (overlays.some((overlay) => overlay.name === name)) {
    throw new StemkitError(
      'conflict',
      `row table: there is an overlay '${name}' already; remove it or take another name`,
    )
  }
}
