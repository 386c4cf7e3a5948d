import type { OpenRows } from '@stemkit/spec/row-driver'
import { openHttpRows } from '@stemkit/store'
import { openFileRows } from '@stemkit/store/node'
import { openSqliteRows } from '@stemkit/store/sqlite'
import { openRedisRows } from '@stemkit/store-redis'

const drivers: Record<string, OpenRows> = {
  file: openFileRows,
  http: openHttpRows,
  sqlite: openSqliteRows,
  'redis+unix': openRedisRows,
}

/** Opens rows as `stem` does, without what else `stem` loads: a process that is to be killed starts many times. */
export const openRows: OpenRows = (url, options) => drivers[url.split(':')[0]!]!(url, options)
