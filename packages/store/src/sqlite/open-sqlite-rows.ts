import { fileURLToPath } from 'node:url'
import { StemkitError } from '@stemkit/spec/errors'
import type { OpenRows } from '@stemkit/spec/row-driver'
import { sqliteRows } from './sqlite-rows.ts'

/**
 * Rows in the database that a URL names: `sqlite:./rows.db` and `sqlite:rows.db` relative to the working directory,
 * `sqlite:/data/rows.db` and `sqlite:///data/rows.db` absolute. Percent-encoded where a name has '%', '?' or '#' in it.
 * @throws bad-input for what is no such URL; what `sqliteRows` throws
 */
export const openSqliteRows: OpenRows = async (url, options) => sqliteRows(pathOf(url), options)

function pathOf(url: string): string {
  const [, path = ''] = /^sqlite:(.*)$/is.exec(url) ?? []
  if (path === '') throw badUrl(url, 'it has to be sqlite: and a path')
  if (/[?#]/.test(path)) throw badUrl(url, "it takes no options; write '?' as %3F and '#' as %23")
  try {
    return path.startsWith('/') ? fileURLToPath(`file:${path}`) : decodeURIComponent(path)
  } catch (error) {
    throw badUrl(url, (error as Error).message)
  }
}

const badUrl = (url: string, why: string): StemkitError =>
  new StemkitError('bad-input', `'${url}' names no database of rows: ${why}`)
