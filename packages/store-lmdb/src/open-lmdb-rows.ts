import { pathOfUrl } from '@stemkit/spec/path-url'
import type { OpenRows } from '@stemkit/spec/row-driver'
import { lmdbRows } from './lmdb-rows.ts'

/**
 * Rows in the folder that a URL names: `lmdb:./rows` and `lmdb:rows` relative to the working directory, `lmdb:/data/rows`
 * and `lmdb:///data/rows` absolute. Percent-encoded where a name has '%', '?' or '#' in it.
 * @throws bad-input for what is no such URL; what `lmdbRows` throws
 */
export const openLmdbRows: OpenRows = async (url, options) =>
  lmdbRows(pathOfUrl(url, 'lmdb', 'folder of rows'), options)
