import { fileURLToPath } from 'node:url'
import { StemkitError } from '@stemkit/spec/errors'
import type { OpenRows } from '@stemkit/spec/row-driver'
import { lmdbRows } from './lmdb-rows.ts'

/**
 * Rows in the folder that a URL names: `lmdb:./rows` and `lmdb:rows` relative to the working directory, `lmdb:/data/rows`
 * and `lmdb:///data/rows` absolute. Percent-encoded where a name has '%', '?' or '#' in it.
 * @throws bad-input for what is no such URL; what `lmdbRows` throws
 */
export const openLmdbRows: OpenRows = async (url, options) => lmdbRows(pathOf(url), options)

function pathOf(url: string): string {
  const [, path = ''] = /^lmdb:(.*)$/is.exec(url) ?? []
  if (path === '') throw badUrl(url, 'it has to be lmdb: and a path')
  if (/[?#]/.test(path)) throw badUrl(url, "it takes no options; write '?' as %3F and '#' as %23")
  try {
    return path.startsWith('/') ? fileURLToPath(`file:${path}`) : decodeURIComponent(path)
  } catch (error) {
    throw badUrl(url, (error as Error).message)
  }
}

const badUrl = (url: string, why: string): StemkitError =>
  new StemkitError('bad-input', `'${url}' names no folder of rows: ${why}`)
