import { StemkitError } from '@stemkit/spec/errors'
import { exchange, type Fetch, type NextChunk } from './exchange.ts'
import { conditionsOf, isSameFile, readPartialHeaders, type FileIdentity } from './file-identity.ts'
import { createLimiter } from './limiter.ts'
import { Passing, retryAfter, retrying } from '@stemkit/spec/retrying'

export interface HttpClientOptions {
  readonly fetch: Fetch
  readonly headers: Headers
  readonly retries: number
  readonly timeout: number
  readonly concurrency: number
}

export interface HttpTraffic {
  /** Requests made, repeated ones included. */
  readonly requests: number
  /** Of those, how many repeated one that had failed. */
  readonly retries: number
  /** Bytes of bodies received, gaps between rows included. */
  readonly bytes: number
}

/** A file at a URL, and how errors name it. */
export interface RemoteFile {
  readonly url: URL
  /** Without credentials and query. */
  readonly name: string
}

export interface HttpClient {
  readonly traffic: HttpTraffic
  /**
   * Passes bytes `start` to `end` (exclusive; less if the file is shorter) to `sink` as they come. An attempt that breaks
   * off is continued where it stopped, as long as the file is the same; `sink` may be given bytes once more.
   * @param file what it was when it was opened; undefined to open it
   * @returns what the file is
   */
  range(
    remote: RemoteFile,
    { start, end, file }: { start: number; end: number; file?: FileIdentity },
    sink: (offset: number, chunk: Uint8Array) => void,
    signal: AbortSignal | undefined,
  ): Promise<FileIdentity>
  /** A whole small file; undefined where there is none, or none for us. */
  whole(remote: RemoteFile, mostBytes: number, signal: AbortSignal | undefined): Promise<Uint8Array | undefined>
}

/** Requests of one driver: so many at a time, repeated where that may help, counted. */
export function createHttpClient({ fetch, headers, retries, timeout, concurrency }: HttpClientOptions): HttpClient {
  const limited = createLimiter(concurrency)
  const traffic = { requests: 0, retries: 0, bytes: 0 }

  const request = <T>(
    { url, name }: RemoteFile,
    signal: AbortSignal | undefined,
    extraHeaders: () => Record<string, string>,
    use: (response: Response, next: NextChunk) => Promise<T>,
  ): Promise<T> =>
    limited(signal, () =>
      retrying({ retries, where: name, signal, onRetry: () => traffic.retries++ }, () => {
        traffic.requests++
        const all = new Headers(headers)
        for (const [header, value] of Object.entries(extraHeaders())) all.set(header, value)
        return exchange({ fetch, url, headers: all, timeout, signal }, (response, next) => {
          refuseFailure(response, name)
          return use(response, async () => {
            const chunk = await next()
            traffic.bytes += chunk?.length ?? 0
            return chunk
          })
        })
      }),
    )

  return {
    traffic,

    async range(remote, { start, end, file }, sink, signal) {
      let known = file
      let position = start
      const extraHeaders = (): Record<string, string> => ({
        range: `bytes=${position}-${end - 1}`,
        ...(known === undefined ? {} : conditionsOf(known)),
      })
      await request(remote, signal, extraHeaders, async (response, next) => {
        const answer = checkPartial(response, remote.name, { position, end, known })
        known = answer.file
        for (let chunk = await next(); chunk !== undefined; chunk = await next()) {
          if (position + chunk.length > answer.end) {
            position = start
            throw new Passing(`the server sent more than the ${answer.end - answer.start} bytes that it spoke of`)
          }
          sink(position, chunk)
          position += chunk.length
        }
        if (position < answer.end) throw new Passing(`the answer ended ${answer.end - position} bytes early`)
      })
      return known!
    },

    async whole(remote, mostBytes, signal) {
      return request(
        remote,
        signal,
        () => ({}),
        async (response, next) => {
          if (isAbsent(response)) return undefined
          const chunks: Uint8Array[] = []
          let bytes = 0
          for (let chunk = await next(); chunk !== undefined; chunk = await next()) {
            bytes += chunk.length
            if (bytes > mostBytes) {
              throw new StemkitError('unsupported', `${remote.name}: more than ${mostBytes} bytes, too much for a meta`)
            }
            chunks.push(chunk)
          }
          return concatenated(chunks, bytes)
        },
      )
    },
  }
}

/** Storage that does not let everybody list it answers 403 for what is not there. */
const isAbsent = ({ status }: Response): boolean => status === 403 || status === 404 || status === 410

/** Lets answers pass that have content, or say that the file changed or is absent. */
function refuseFailure(response: Response, name: string): void {
  const { status } = response
  if (response.ok || status === 412 || status === 416 || isAbsent(response)) return
  const said = `the server answered ${status} ${response.statusText}`.trim()
  if (status === 408 || status === 425 || status === 429 || status >= 500) {
    throw new Passing(said, { wait: retryAfter(response.headers.get('retry-after')) })
  }
  if (status === 401 || status === 407)
    throw new StemkitError('not-found', `${name}: ${said}; pass credentials in 'headers'`)
  throw new StemkitError('io', `${name}: ${said}`)
}

/** Lets only an answer pass whose body is exactly the bytes that were asked for, of the same file as before. */
function checkPartial(
  response: Response,
  name: string,
  { position, end, known }: { position: number; end: number; known: FileIdentity | undefined },
): { start: number; end: number; file: FileIdentity } {
  const { status, statusText, headers } = response
  if (isAbsent(response)) {
    throw new StemkitError(
      'not-found',
      `${name}: the server answered ${status} ${statusText}; is the URL that of the folder?`,
    )
  }
  const changed = (): StemkitError => new StemkitError('conflict', `what is at ${name} has changed: open it again`)
  if (known !== undefined && (status === 412 || status === 416)) throw changed()
  if (status === 416) throw new StemkitError('corrupt', `${name}: the file is empty`)
  if (status === 200 && known?.etag !== undefined && known.etag !== headers.get('etag')) throw changed()
  if (status !== 206) {
    throw new StemkitError(
      'unsupported',
      `${name}: the server answered ${status} to a request for a range of bytes: it has to support range requests`,
    )
  }
  const encoding = headers.get('content-encoding') ?? 'identity'
  if (encoding !== 'identity') {
    throw new StemkitError(
      'unsupported',
      `${name}: the server sends ranges with Content-Encoding ${encoding}; switch that off for it`,
    )
  }
  const answer = readPartialHeaders(headers, name)
  if (known !== undefined && !isSameFile(known, answer.file)) throw changed()
  const expected = Math.min(end, answer.file.size)
  if (answer.start !== position || answer.end !== expected) {
    throw new StemkitError(
      'unsupported',
      `${name}: the server sent bytes ${answer.start}-${answer.end - 1} when asked for ${position}-${expected - 1}`,
    )
  }
  return answer
}

function concatenated(chunks: readonly Uint8Array[], bytes: number): Uint8Array {
  const whole = new Uint8Array(bytes)
  let at = 0
  for (const chunk of chunks) {
    whole.set(chunk, at)
    at += chunk.length
  }
  return whole
}
