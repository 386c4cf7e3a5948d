import { mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'
import { StemkitError } from '@stemkit/spec/errors'
import { checkGeometry } from '@stemkit/spec/row-calls'
import type { RowGeometry } from '@stemkit/spec/row-driver'
import { resultCode, SQLITE, sqliteError, whenFree } from './sqlite-error.ts'

/** 'STMR' in the header of a database says that it holds rows, its user_version in which format. */
const APPLICATION_ID = 0x53_54_4d_52
const FORMAT = 1

const SCHEMA = `
  create table geometry (rows integer not null, row_bytes integer not null) strict;
  create table rows (id integer primary key, bytes blob not null) strict;
  create table metas (name text primary key, version text not null, bytes blob not null) strict;
`

/** SQLite has blobs of that size. */
export const MOST_ROW_BYTES = 10 ** 9

interface Waiting {
  readonly patience: number
  readonly signal?: AbortSignal | undefined
}

/**
 * Makes a database with that many rows, zeroed, in one transaction.
 * @throws conflict where something is already
 */
export async function createDatabase(path: string, geometry: RowGeometry, waiting: Waiting): Promise<void> {
  checkGeometry(geometry, path, MOST_ROW_BYTES)
  const what = `${path}: cannot be made`
  await mkdir(dirname(path), { recursive: true }).catch((error: unknown) => {
    throw sqliteError(what, error)
  })
  const db = await connect(path)
  try {
    await whenFree(what, () => db.exec('begin exclusive'), waiting)
    if (!isEmpty(db)) throw taken(path)
    db.exec(`
      ${SCHEMA}
      insert into geometry values (${geometry.rows}, ${geometry.rowBytes});
      pragma application_id = ${APPLICATION_ID};
      pragma user_version = ${FORMAT};
      commit;
    `)
  } catch (error) {
    const failure = sqliteError(what, error)
    throw failure.code === 'corrupt' ? taken(path) : failure
  } finally {
    db.close()
  }
}

/**
 * Opens a database of rows.
 * @throws not-found; corrupt for one of another kind; unsupported for a later format
 */
export async function openDatabase(path: string, readOnly: boolean, waiting: Waiting): Promise<DatabaseSync> {
  const what = `${path}: cannot be opened`
  await stat(path).catch((error: unknown) => {
    throw sqliteError(what, error)
  })
  const db = readOnly ? await connectReadOnly(path) : await connect(path)
  try {
    await whenFree(what, () => checkKind(db, path), waiting)
    // Each commit is an append to the log, which a flush makes durable.
    if (!readOnly)
      await whenFree(what, () => db.exec('pragma journal_mode = wal; pragma synchronous = normal'), waiting)
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

/** Node 22 warns that SQLite is experimental as soon as it is loaded, so it is loaded by those who use it. */
async function connect(path: string): Promise<DatabaseSync> {
  const { DatabaseSync } = await import('node:sqlite')
  const db = new DatabaseSync(path)
  // Pages of 16 KiB, for what is not there yet. What macOS calls a sync leaves the data in the disk's own cache.
  db.exec('pragma page_size = 16384; pragma fullfsync = 1; pragma checkpoint_fullfsync = 1')
  return db
}

/**
 * Readers of a database with a log share memory in a file beside it. Where none can be made, nobody writes either, and the
 * database can be read as it is, if no log is left over.
 */
async function connectReadOnly(path: string): Promise<DatabaseSync> {
  const { DatabaseSync } = await import('node:sqlite')
  const db = new DatabaseSync(path, { readOnly: true })
  try {
    isEmpty(db)
    return db
  } catch (error) {
    if (resultCode(error) !== SQLITE.CANTOPEN || (await hasLog(path))) return db
    db.close()
    return new DatabaseSync(new URL(`${pathToFileURL(path)}?immutable=1`), { readOnly: true })
  }
}

async function hasLog(path: string): Promise<boolean> {
  return stat(`${path}-wal`).then(
    ({ size }) => size > 0,
    () => false,
  )
}

function checkKind(db: DatabaseSync, path: string): void {
  if (isEmpty(db)) throw new StemkitError('not-found', `${path}: has no rows; make them with create`)
  if (numberOf(db, 'pragma application_id') !== APPLICATION_ID) {
    throw new StemkitError('corrupt', `${path}: is no database of stemkit rows`)
  }
  const format = numberOf(db, 'pragma user_version')
  if (format !== FORMAT) {
    throw new StemkitError('unsupported', `${path}: format ${format}, this version reads ${FORMAT}; update stemkit`)
  }
}

const isEmpty = (db: DatabaseSync): boolean =>
  numberOf(db, 'select count(*) from sqlite_schema') === 0 && numberOf(db, 'pragma application_id') === 0

const numberOf = (db: DatabaseSync, sql: string): number => Number(Object.values(db.prepare(sql).get() ?? {})[0])

const taken = (path: string): StemkitError =>
  new StemkitError('conflict', `${path}: is there already; open it without create, or choose another path`)
