import { homedir } from 'node:os'
import { join } from 'node:path'
import { firstRows, type RowSource } from '@stemkit/eval'
import { folderRows, hubRows, upstreamRows } from '@stemkit/eval/node'
import { StemkitError } from '@stemkit/spec/errors'
import { inBytes } from '../terminal/quantities.ts'

export interface OpenDataOptions {
  readonly say: (text: string) => void
  /** Told in what rows are not those of the data set that tasks name. */
  readonly onStandIn: (notice: string) => void
}

/**
 * Rows of tasks: of a folder, laid out as the hub names data sets or as their authors publish them; without one, of the
 * Hugging Face hub, kept in the user's cache.
 */
export function openData(folder: string | undefined, { say, onStandIn }: OpenDataOptions): RowSource {
  if (folder !== undefined) return firstRows([folderRows(folder), upstreamRows(folder, { onNotice: onStandIn })])
  const { HF_ENDPOINT: hubUrl, HF_TOKEN: accessToken } = process.env
  const hub = hubRows({
    cache: join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'stemkit', 'datasets'),
    hubUrl,
    accessToken,
    onLoad: ({ dataset, path, bytes }) => say(`loading ${dataset}: ${path}, ${inBytes(bytes)}`),
  })
  return async (split, options) => {
    try {
      return await hub(split, options)
    } catch (error) {
      if (!StemkitError.isInstance(error)) throw error
      throw new StemkitError(error.code, `${error.message}; a folder with the data can be given by --data`, {
        cause: error,
      })
    }
  }
}
