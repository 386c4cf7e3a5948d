import { fileURLToPath } from 'node:url'
import { StemkitError } from './errors.ts'

/** Version of this contract. */
export const PATH_URL_VERSION = 1

/**
 * The path that a URL `SCHEME:PATH` names, for drivers in Node: `file:./rows` and `file:rows` relative to the working
 * directory, `file:/data/rows` and `file:///data/rows` absolute. Percent-encoded where a name has '%', '?' or '#' in it.
 * @param what says in errors what it should have named
 * @throws bad-input for what is no such URL
 */
export function pathOfUrl(url: string, scheme: string, what: string): string {
  const refused = (why: string): StemkitError => new StemkitError('bad-input', `'${url}' names no ${what}: ${why}`)
  const path = url.slice(scheme.length + 1)
  if (path === '' || url.slice(0, scheme.length + 1).toLowerCase() !== `${scheme}:`) {
    throw refused(`it has to be ${scheme}: and a path`)
  }
  if (/[?#]/.test(path)) throw refused("it takes no options; write '?' as %3F and '#' as %23")
  try {
    if (path.startsWith('/')) return fileURLToPath(`file:${path}`)
    const decoded = path.split('/').map(decodeURIComponent)
    if (decoded.some((name) => name.includes('/'))) throw new Error("a name cannot have a '/' in it")
    return decoded.join('/')
  } catch (error) {
    throw refused((error as Error).message)
  }
}
