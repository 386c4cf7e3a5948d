import { constants } from 'node:fs'
import { access, mkdir, open as openFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { open, type Database, type RootDatabase } from 'lmdb'
import { StemkitError } from '@stemkit/spec/errors'
import { checkGeometry } from '@stemkit/spec/row-calls'
import type { RowGeometry } from '@stemkit/spec/row-driver'
import { attempt, freeBytes } from './lmdb-error.ts'

/** What is said of the rows, under this key. */
export const ROWS = 'rows'
export interface About extends RowGeometry {
  readonly format: number
}

export interface Environment {
  readonly root: RootDatabase<Uint8Array, string>
  readonly about: Database<About, string>
  readonly rows: Database<Uint8Array, number>
  readonly metas: Database<Uint8Array, string>
}

export interface EnvironmentOptions {
  readonly create?: RowGeometry | undefined
  readonly readOnly: boolean
  readonly mapSize?: number | undefined
}

const FORMAT = 1
export const MOST_ROW_BYTES = 2 ** 30
/** Bytes that LMDB needs before anything is in it, amply. */
const ROOM = 2 ** 20

/**
 * Opens the environment in a folder.
 * @throws not-found; conflict where rows are to be made and something is there; corrupt; unsupported for a later format; io
 */
export async function openEnvironment(folder: string, options: EnvironmentOptions): Promise<Environment> {
  const { create, readOnly, mapSize } = options
  const what = `${folder}: cannot be ${create ? 'made' : 'opened'}`
  return attempt(what, folder, async () => {
    const file = await examine(folder, readOnly)
    if (create !== undefined) await prepare(folder, file, create)
    else if (file.kind !== 'lmdb') throw file.kind === 'none' ? noRows(folder) : notOurs(folder)
    const root = open<Uint8Array, string>({
      path: folder,
      noSubdir: false,
      maxDbs: 3,
      encoding: 'binary',
      // Otherwise nobody could write them in this process meanwhile: it has one environment for all who open it. LMDB never
      // closes the file of one that it cannot write.
      readOnly: readOnly && !file.writable,
      // A commit is durable once it resolves. To sync after that is no faster here, and after a commit that failed LMDB
      // would wait for its sync for ever.
      overlappingSync: false,
      // This would make promises that nobody hears of, and that reject.
      eventTurnBatching: false,
      ...(mapSize === undefined ? {} : { mapSize }),
    })
    try {
      await checkLength(root, folder)
      if (create !== undefined) await makeRows(root, create, folder)
      return openRows(root, folder)
    } catch (error) {
      await root.close()
      throw error
    }
  })
}

interface DataFile {
  /** 'none' if there is none, or as much of one as a kill may leave. */
  readonly kind: 'none' | 'lmdb' | 'other'
  readonly writable: boolean
}

/** Looks at the file before LMDB does, which ends the process where it is none of its own. */
async function examine(folder: string, readOnly: boolean): Promise<DataFile> {
  const path = join(folder, 'data.mdb')
  const file = await openFile(path, readOnly ? 'r' : 'r+').catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  })
  if (file === undefined) return { kind: 'none', writable: true }
  try {
    const { size } = await file.stat()
    const words = new Uint32Array(16)
    await file.read(words, 0, words.byteLength, 0)
    const magic = words.indexOf(0xbe_ef_c0_de)
    const isLmdb = magic > 0 && (words[magic + 1]! & 0xffff) === 2 && size >= 8192
    const writable = (await isWritable(path)) && (await isWritable(folder))
    return { kind: size === 0 ? 'none' : isLmdb ? 'lmdb' : 'other', writable }
  } finally {
    await file.close()
  }
}

const isWritable = (path: string): Promise<boolean> =>
  access(path, constants.W_OK).then(
    () => true,
    () => false,
  )

async function prepare(folder: string, file: DataFile, geometry: RowGeometry): Promise<void> {
  checkGeometry(geometry, folder, MOST_ROW_BYTES)
  if (file.kind === 'other') throw taken(folder)
  await mkdir(folder, { recursive: true })
  await access(folder, constants.W_OK)
  // Where LMDB finds none for its own lock, it ends the process.
  if ((await freeBytes(folder)) < ROOM) throw new StemkitError('io', `${folder}: no space left on device`)
}

/** To read what a copy that stopped half-way lacks would end the process. Some pages at the end may never be written. */
async function checkLength(root: RootDatabase<Uint8Array, string>, folder: string): Promise<void> {
  const { lastPageNumber, pageSize } = root.getStats() as { lastPageNumber: number; pageSize: number }
  // Looked at last, since others may be writing.
  const { size } = await stat(join(folder, 'data.mdb'))
  if (size + ROOM < (lastPageNumber + 1) * pageSize) {
    throw new StemkitError('corrupt', `${folder}: data.mdb has been cut; take a copy that is whole`)
  }
}

async function makeRows(root: RootDatabase<Uint8Array, string>, geometry: RowGeometry, folder: string): Promise<void> {
  if (!isEmpty(root) && openAbout(root, false) === undefined) throw taken(folder)
  const about = openAbout(root, true)!
  openRest(root, true)
  // A transaction of LMDB's in which this thread decides would stand in the way of whoever opens the same rows here.
  const made = { format: FORMAT, rows: geometry.rows, rowBytes: geometry.rowBytes }
  if (!(await about.put(ROWS, made, onlyIfNone(1)))) throw taken(folder)
}

function openRows(root: RootDatabase<Uint8Array, string>, folder: string): Environment {
  const about = openAbout(root, false)
  if (about === undefined && !isEmpty(root)) throw notOurs(folder)
  const said = about?.get(ROWS)
  if (about === undefined || said === undefined) throw noRows(folder)
  if (said.format !== FORMAT) {
    throw new StemkitError(
      'unsupported',
      `${folder}: format ${said.format}, this version reads ${FORMAT}; update stemkit`,
    )
  }
  return { root, about, ...openRest(root, false) }
}

/** Has a put with this version resolve to false, and do nothing, where something is. The types of lmdb lack it. */
export const onlyIfNone = (version: number): number => ({ version, noOverwrite: true }) as unknown as number

// `create` is missing in the types of lmdb.
const openAbout = (root: RootDatabase<Uint8Array, string>, create: boolean): Environment['about'] | undefined => {
  const options = { name: 'about', encoding: 'json', useVersions: true, create } as const
  return root.openDB(options)
}

function openRest(root: RootDatabase<Uint8Array, string>, create: boolean): Pick<Environment, 'rows' | 'metas'> {
  const rows = { name: 'rows', encoding: 'binary', keyEncoding: 'uint32', create } as const
  const metas = { name: 'metas', encoding: 'binary', useVersions: true, create } as const
  return { rows: root.openDB(rows), metas: root.openDB(metas) }
}

const isEmpty = (root: RootDatabase<Uint8Array, string>): boolean => [...root.getKeys({ limit: 1 })].length === 0

const noRows = (folder: string): StemkitError =>
  new StemkitError('not-found', `${folder}: has no rows; make them with create`)

const notOurs = (folder: string): StemkitError =>
  new StemkitError('corrupt', `${folder}: holds no LMDB database of stemkit rows`)

const taken = (folder: string): StemkitError =>
  new StemkitError(
    'conflict',
    `${folder}: something is there already; open it without create, or choose another folder`,
  )
