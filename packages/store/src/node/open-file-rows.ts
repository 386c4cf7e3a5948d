import { pathOfUrl } from '@stemkit/spec/path-url'
import type { OpenRows } from '@stemkit/spec/row-driver'
import { fileRows } from './file-rows.ts'

/**
 * Rows in the folder that a URL names: `file:./rows` and `file:rows` relative to the working directory, `file:/data/rows`
 * and `file:///data/rows` absolute. Percent-encoded where a name has '%', '?' or '#' in it.
 * @throws bad-input for what is no such URL; what `fileRows` throws
 */
export const openFileRows: OpenRows = async (url, options) =>
  fileRows(pathOfUrl(url, 'file', 'folder of rows'), options)
