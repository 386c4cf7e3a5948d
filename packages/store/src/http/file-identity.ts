import { StemkitError } from '@stemkit/spec/errors'

/** What tells a file at a URL from another one that takes its place. */
export interface FileIdentity {
  readonly etag: string | null
  readonly modified: string | null
  /** Bytes of the whole file. */
  readonly size: number
}

/**
 * Headers by which the server itself refuses (412) to send from another file. A weak ETag never matches an If-Match; the
 * date, in whole seconds, is the next best. Answers are checked in any case.
 */
export function conditionsOf({ etag, modified }: FileIdentity): Record<string, string> {
  if (etag !== null && !isWeak(etag)) return { 'if-match': etag }
  return modified === null ? {} : { 'if-unmodified-since': modified }
}

/**
 * Whether two answers speak of the same file. Proxies weaken ETags that they pass on, so that only what is in the quotes
 * counts; but where it was weak, dates have to agree too.
 */
export function isSameFile(a: FileIdentity, b: FileIdentity): boolean {
  if (a.size !== b.size) return false
  if (a.etag === null || b.etag === null || isWeak(a.etag) || isWeak(b.etag)) {
    if (a.modified !== b.modified) return false
  }
  return tagOf(a.etag) === tagOf(b.etag)
}

const isWeak = (etag: string): boolean => etag.startsWith('W/')
const tagOf = (etag: string | null): string | undefined => etag?.replace(/^W\//, '')

/**
 * What a 206 says: which bytes, of which file.
 * @throws unsupported if it says too little to tell whether later answers are from the same file
 */
export function readPartialHeaders(
  headers: Headers,
  where: string,
): { start: number; end: number; file: FileIdentity } {
  const range = /^bytes (\d+)-(\d+)\/(\d+)$/i.exec(headers.get('content-range')?.trim() ?? '')
  const etag = headers.get('etag')
  const modified = headers.get('last-modified')
  const missing =
    range === null
      ? 'a complete Content-Range'
      : etag === null && modified === null
        ? 'ETag and Last-Modified'
        : undefined
  if (missing !== undefined || range === null) {
    throw new StemkitError(
      'unsupported',
      `${where}: the server's answer lacks ${missing} (in a browser, from another origin, it has to expose them: Access-Control-Expose-Headers: Content-Range, ETag)`,
    )
  }
  const [start, last, size] = range.slice(1).map(Number) as [number, number, number]
  return { start, end: last + 1, file: { etag, modified, size } }
}
