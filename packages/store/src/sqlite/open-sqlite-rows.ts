import { pathOfUrl } from '@stemkit/spec/path-url'
import type { OpenRows } from '@stemkit/spec/row-driver'
import { sqliteRows } from './sqlite-rows.ts'

/**
 * Rows in the database that a URL names: `sqlite:./rows.db` and `sqlite:rows.db` relative to the working directory,
 * `sqlite:/data/rows.db` and `sqlite:///data/rows.db` absolute. Percent-encoded where a name has '%', '?' or '#' in it.
 * @throws bad-input for what is no such URL; what `sqliteRows` throws
 */
export const openSqliteRows: OpenRows = async (url, options) =>
  sqliteRows(pathOfUrl(url, 'sqlite', 'database of rows'), options)
