import { fileURLToPath } from 'node:url'
import { StemkitError } from '@stemkit/spec/errors'
import type { OpenRows } from '@stemkit/spec/row-driver'
import { fileRows } from './file-rows.ts'

/**
 * Rows in the folder that a URL names: `file:./rows` and `file:rows` relative to the working directory, `file:/data/rows`
 * and `file:///data/rows` absolute. Percent-encoded where a name has '%', '?' or '#' in it.
 * @throws bad-input for what is no such URL; what `fileRows` throws
 */
export const openFileRows: OpenRows = async (url, options) => fileRows(folderOf(url), options)

function folderOf(url: string): string {
  const [, path = ''] = /^file:(.*)$/is.exec(url) ?? []
  if (path === '') throw badUrl(url, 'it has to be file: and a path')
  if (/[?#]/.test(path)) throw badUrl(url, "it takes no options; write '?' as %3F and '#' as %23")
  try {
    if (path.startsWith('/')) return fileURLToPath(url)
    const decoded = path.split('/').map(decodeURIComponent)
    if (decoded.some((name) => name.includes('/'))) throw new Error("a name cannot have a '/' in it")
    return decoded.join('/')
  } catch (error) {
    throw badUrl(url, (error as Error).message)
  }
}

const badUrl = (url: string, why: string): StemkitError =>
  new StemkitError('bad-input', `'${url}' names no folder of rows: ${why}`)
