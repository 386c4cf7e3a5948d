import { StemkitError } from '@stemkit/spec/errors'
import type { HttpTraffic } from './http-client.ts'
import { httpFolder, type HttpOptions } from './http-folder.ts'

/** A file that is read at positions. */
export interface HttpFile {
  /** Its URL, without credentials and query. */
  readonly path: string
  readonly byteLength: number
  /**
   * Fills `into` with the bytes from `begin` on.
   * @throws conflict if the file has changed since it was opened; io if it cannot be reached; the signal's reason
   */
  read(begin: number, into: Uint8Array, signal?: AbortSignal): Promise<void>
  dispose(): Promise<void>
}

/** The files of a folder at a URL. */
export interface HttpFiles {
  readonly path: string
  /** What has passed so far. */
  readonly traffic: HttpTraffic
  /** @returns undefined where there is no such file, or none for us; throws as `read`, and unsupported if the server ignores ranges */
  open(name: string, signal?: AbortSignal): Promise<HttpFile | undefined>
}

/** A file's beginning comes with the answer that says what the file is: headers, and small files as a whole. */
const FIRST_BYTES = 2 ** 16

/**
 * Files over HTTP, on any static server or object storage that answers range requests. What a file is, is remembered by its
 * ETag (or date) and length when it is opened; every later request is on condition of it, as `httpRows` has it.
 * @throws bad-input for a URL or option that is none
 */
export function httpFiles(url: string | URL, options: HttpOptions = {}): HttpFiles {
  const { file, client } = httpFolder('http files', url, options)
  return {
    path: file('').name,
    traffic: client.traffic,
    async open(name, signal) {
      const remote = file(name)
      const start = new Uint8Array(FIRST_BYTES)
      const identity = await client
        .range(remote, { start: 0, end: start.length }, (offset, chunk) => start.set(chunk, offset), signal)
        .catch((error: unknown) => {
          if (StemkitError.isInstance(error) && error.code === 'not-found') return undefined
          throw error
        })
      if (!identity) return undefined
      return {
        path: remote.name,
        byteLength: identity.size,
        async read(begin, into, readSignal) {
          readSignal?.throwIfAborted()
          const end = begin + into.length
          if (end > identity.size) {
            throw new StemkitError('corrupt', `${remote.name} ends at byte ${identity.size}, before ${end}`)
          }
          const known = start.subarray(begin, Math.min(end, start.length))
          into.set(known)
          if (known.length === into.length) return
          const rest = { start: begin + known.length, end, file: identity }
          await client.range(remote, rest, (offset, chunk) => into.set(chunk, offset - begin), readSignal)
        },
        dispose: async () => {},
      }
    },
  }
}
