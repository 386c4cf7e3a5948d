import { StemkitError } from '@stemkit/spec/errors'
import type { OpenRows } from '@stemkit/spec/row-driver'
import { openFileRows } from '@stemkit/store/node'
import { openSqliteRows } from '@stemkit/store/sqlite'
import { openLmdbRows } from '@stemkit/store-lmdb'
import { openRedisRows } from '@stemkit/store-redis'
import { lateRows } from './late-rows.ts'

const OPENERS: Readonly<Record<string, OpenRows>> = {
  file: openFileRows,
  sqlite: openSqliteRows,
  lmdb: openLmdbRows,
  redis: openRedisRows,
  late: async (url, options) => lateRows(await openFileRows(url.replace('late:', 'file:'), options)),
}

/** Opens rows in any of the media that are put to the test. */
export const openRows: OpenRows = async (url, options) => {
  const scheme = url.slice(0, url.indexOf(':'))
  const open = OPENERS[scheme]
  if (open === undefined) throw new StemkitError('bad-input', `'${url}': known are ${Object.keys(OPENERS).join(', ')}`)
  return open(url, options)
}
