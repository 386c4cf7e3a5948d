import { StemkitError } from '@stemkit/spec/errors'
import type { RowDriver, RowOptions } from '@stemkit/spec/row-driver'
import { freePlaces } from './free-places.ts'
import { placeIn, putPlace, type Places } from './place-book.ts'
import { getRecord } from './records.ts'
import { metasOf, type Root, type RootVersion } from './root.ts'
import { sparseNumbers, type SparseNumbers } from './sparse-numbers.ts'

/**
 * Where the rows of a version lie, as far as they are not at home.
 * @throws corrupt, naming the record that is damaged or missing
 */
export async function loadMap(
  driver: RowDriver,
  root: Root,
  { records }: RootVersion,
  options: RowOptions,
): Promise<SparseNumbers> {
  const map = sparseNumbers()
  for (const number of records) {
    const { ids, values } = await getRecord(metasOf(driver), recordOf(root, number), options)
    for (let i = 0; i < ids.length; i++) putPlace(map, ids[i]!, values[i]!, root.rows)
  }
  return map
}

export function recordOf(root: Root, number: number): Root['records'][number] {
  const ref = root.records.find((record) => record.number === number)
  if (ref !== undefined) return ref
  throw new StemkitError('corrupt', `row table: record ${number} is used but not listed in the meta 'root'`)
}

/**
 * What a writer that continues from version `at` has to know: which places nobody needs, and for how long the others are
 * needed. `live` are the versions that can be read, `at` among them, in ascending order. Reads the records of all of them.
 */
export async function loadPlaces(
  driver: RowDriver,
  root: Root,
  at: RootVersion,
  live: readonly RootVersion[],
  options: RowOptions,
): Promise<Places> {
  const map = await loadMap(driver, root, at, options)
  const born = sparseNumbers()
  const died = sparseNumbers()
  const free = freePlaces()
  free.addRange(root.rows, driver.rows)
  map.forEach((key) => {
    if (key < root.rows) free.add(key)
  })
  map.forEach((key, place) => {
    if (!free.remove(place)) {
      throw new StemkitError('corrupt', `row table: row ${key} lies in place ${place}, where something else lies`)
    }
    born.set(place, at.version)
  })

  const need = (key: number, place: number, version: number): void => {
    if (placeIn(map, key, root.rows) !== place) {
      free.remove(place)
      died.set(place, version + 1)
    }
    born.set(place, Math.min(born.get(place) ?? version, version))
  }
  for (const version of live) {
    if (version.version === at.version) continue
    const other = await loadMap(driver, root, version, options)
    other.forEach((key, place) => need(key, place, version.version))
    map.forEach((key) => {
      if (key < root.rows && other.get(key) === undefined) need(key, key, version.version)
    })
  }

  const groups = new Map<number, number[]>()
  died.forEach((place, version) => {
    const group = groups.get(version)
    if (group === undefined) groups.set(version, [place])
    else group.push(place)
  })
  return { map, born, free, waiting: Array.from(groups, ([version, places]) => ({ died: version, places })) }
}
