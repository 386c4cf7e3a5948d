import { StemkitError } from '@stemkit/spec/errors'
import { checkRows, rowCalls } from '@stemkit/spec/row-calls'
import type { OpenRows, RowDriver, RowOptions } from '@stemkit/spec/row-driver'
import {
  checkRowFileSize,
  decodeMeta,
  metaPath,
  readRowHeader,
  ROW_HEADER_BYTES,
  ROWS_FILE,
} from '../drivers/row-file.ts'
import type { HttpTraffic } from './http-client.ts'
import { folderAt, httpFolder, type HttpOptions } from './http-folder.ts'
import { planRequests, scatterer } from './request-plan.ts'

export interface HttpRowsOptions extends RowOptions, HttpOptions {
  /** No request is larger. Default: 4 MiB. */
  readonly mostRequestBytes?: number
  /**
   * Up to so many bytes between two rows are read over. Default: what comes in the time that one more request costs, on
   * a link of 25 MB/s with 20 ms to the first byte, shared by `concurrency` requests: 500 kB / concurrency.
   */
  readonly gapBytes?: number
}

export interface HttpRows extends RowDriver {
  /** What has passed since it was opened, opening included. */
  readonly traffic: HttpTraffic
}

/** What the link carries while it waits for the first byte of one request. */
const BYTES_PER_WAIT = 25e6 * 0.02
const MOST_META_BYTES = 2 ** 26

/**
 * Rows and metas that the file driver wrote, read over HTTP: `url` is that of the folder, on any static server or object
 * storage that answers range requests. Read-only. Query parameters (a signature, say) go with every request; a user and
 * password in the URL become a header.
 *
 * What `rows.bin` is, is remembered by its ETag (or its date, where there is none) and length. Every later request is on
 * condition of it and every answer is checked, so that rows of two different files are never mixed: replace files by
 * renaming, or put new ones at a new URL. What a server changes in a file without a sign of it is left to the checksums of
 * a table. Metas are read anew each time.
 *
 * In a browser, from another origin, the server has to allow the headers Range, If-Match and If-Unmodified-Since, and to
 * expose Content-Range and ETag.
 *
 * Its durability is 'power': it writes nothing, so nothing can be lost here.
 *
 * @throws not-found if there is no `rows.bin` or we may not read it; unsupported if the server ignores ranges or gives
 *   no sign of changes; corrupt for a damaged header; io if it cannot be reached. Reads reject with these too, and with
 *   conflict if the file has changed.
 */
export async function httpRows(url: string | URL, options: HttpRowsOptions = {}): Promise<HttpRows> {
  const { signal, mostRequestBytes = 2 ** 22, concurrency = 8 } = options
  const { gapBytes = BYTES_PER_WAIT / concurrency } = options
  for (const [name, value, least] of [
    ['mostRequestBytes', mostRequestBytes, 1],
    ['gapBytes', gapBytes, 0],
  ] as const) {
    if (!(value >= least))
      throw new StemkitError('bad-input', `http rows: ${name} is ${value}, it must be at least ${least}`)
  }
  const { file, client } = httpFolder('http rows', url, options)

  const remote = file(ROWS_FILE)
  const header = new Uint8Array(ROW_HEADER_BYTES)
  const identity = await client.range(
    remote,
    { start: 0, end: header.length },
    (offset, chunk) => header.set(chunk, offset),
    signal,
  )
  const geometry = readRowHeader(header, remote.name)
  checkRowFileSize(geometry, identity.size, remote.name)
  const { rows, rowBytes } = geometry
  const calls = rowCalls()

  return {
    rows,
    rowBytes,
    durability: 'power',
    where: remote.name,
    traffic: client.traffic,

    read: async (ids, into, { signal: callerSignal } = {}) =>
      calls.run(
        {},
        async () => {
          checkRows(geometry, ids, into)
          const requests = planRequests(ids, { rowBytes, firstByte: ROW_HEADER_BYTES, gapBytes, mostRequestBytes })
          await allOrNone(callerSignal, requests, ({ start, end, pieces }, stop) =>
            client.range(remote, { start, end, file: identity }, scatterer(pieces, into), stop),
          )
        },
        callerSignal,
      ),

    meta: {
      get: async (name, { signal: callerSignal } = {}) => {
        const at = file(metaPath(name))
        return calls.run(
          {},
          async () => {
            const bytes = await client.whole(at, MOST_META_BYTES, callerSignal)
            return bytes === undefined ? undefined : decodeMeta(bytes, at.name)
          },
          callerSignal,
        )
      },
    },

    dispose: () => calls.end(),
  }
}

/** For `http:` and `https:` URLs. */
export const openHttpRows: OpenRows = async (url, { create, signal } = {}) => {
  if (create !== undefined) {
    throw new StemkitError(
      'unsupported',
      `${folderAt('http rows', url).file('').name}: rows cannot be made over http; make them in a folder with file: and serve it`,
    )
  }
  return httpRows(url, signal === undefined ? {} : { signal })
}

/** Does all of it at once. The first failure stops the rest, and is thrown once the rest has stopped. */
async function allOrNone<T>(
  signal: AbortSignal | undefined,
  items: readonly T[],
  work: (item: T, signal: AbortSignal) => Promise<unknown>,
): Promise<void> {
  const stop = new AbortController()
  const onAbort = (): void => stop.abort(signal?.reason)
  signal?.addEventListener('abort', onAbort, { once: true })
  try {
    await Promise.allSettled(
      items.map(async (item) => {
        await work(item, stop.signal).catch((error: unknown) => stop.abort(error))
      }),
    )
  } finally {
    signal?.removeEventListener('abort', onAbort)
  }
  if (stop.signal.aborted) throw stop.signal.reason
}
