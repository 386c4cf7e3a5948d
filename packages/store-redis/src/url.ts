import { StemkitError } from '@stemkit/spec/errors'
import type { Durability } from '@stemkit/spec/row-driver'

/** Where a server listens: over TCP, or at the path of a Unix socket. */
export type Address = { readonly host: string; readonly port: number } | { readonly path: string }

/** What a URL says. */
export interface RedisUrl {
  /** One server, or some nodes of a cluster. */
  readonly addresses: readonly Address[]
  readonly cluster: boolean
  readonly tls: boolean
  readonly username: string | undefined
  readonly password: string | undefined
  readonly database: number
  readonly settings: RedisSettings
}

/** What may be said in the query of a URL as well. */
export interface RedisSettings {
  /** The rows' name on the server, before the name of every key. Default 'stemkit'. */
  readonly prefix?: string
  /** Only when rows are made: the hash slots that they are spread over. Default 16 per master, at most 256. */
  readonly shards?: number
  /**
   * How long a call goes on trying while servers are down, fail over or say nothing, in milliseconds, before it rejects
   * with `io`. Default 20 000.
   */
  readonly timeout?: number
  /** How long a lock outlives a holder that died without a word, in milliseconds. Default 10 000. */
  readonly lease?: number
  /** What `flush` shall outlive. Default: as much as the servers' settings allow. */
  readonly durability?: Exclude<Durability, 'none'>
  /** How many replicas of each master have to have what was flushed before `flush` resolves. Default 0. */
  readonly replicas?: number
}

const FORM = /^(redis|rediss|valkey|valkeys)(\+cluster|\+unix)?:\/\/(?:([^@/?#]*)@)?([^/?#]*)(\/[^?#]*)?(?:\?([^#]*))?$/
const HOST = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]+))(?::(\d{1,5}))?$/

/**
 * Reads `redis://user:password@host:port/database?prefix=x`. Schemes: `redis`, `valkey`; `rediss`, `valkeys` over TLS; each
 * with `+cluster` for hosts separated by commas, or with `+unix` for the path of a socket (and `?database=1`).
 * @throws bad-input, without repeating the password
 */
export function parseRedisUrl(url: string): RedisUrl {
  const [, scheme = '', kind, login, hosts = '', path = '', query = ''] = FORM.exec(url) ?? []
  if (scheme === '') {
    throw new StemkitError(
      'bad-input',
      'rows in Redis: the URL has to look like redis://host:6379/0?prefix=x, rediss://…, redis+cluster://h1:6379,h2:6379?prefix=x or redis+unix:///path/to/socket',
    )
  }
  const { database: inQuery, ...settings } = readQuery(new URLSearchParams(query))
  const unix = kind === '+unix'
  const inPath = unix || path === '' || path === '/' ? undefined : Number(path.slice(1))
  const database = inPath ?? inQuery ?? 0
  if (!Number.isInteger(database) || database < 0) {
    throw new StemkitError('bad-input', `rows in Redis: '${path.slice(1)}' is not the number of a database`)
  }
  const [username, ...password] = login === undefined ? [] : login.split(':')
  return {
    addresses: unix ? [{ path: decode(path) }] : hosts.split(',').map(readHost),
    cluster: kind === '+cluster',
    tls: scheme === 'rediss' || scheme === 'valkeys',
    username: username === undefined || username === '' ? undefined : decode(username),
    password: password.length === 0 ? undefined : decode(password.join(':')),
    database,
    settings,
  }
}

function readHost(text: string): Address {
  const [, bracketed, plain, port = '6379'] = HOST.exec(text) ?? []
  const host = bracketed ?? plain
  if (host === undefined || Number(port) < 1 || Number(port) > 65535) {
    throw new StemkitError('bad-input', `rows in Redis: '${text}' is no host:port`)
  }
  return { host, port: Number(port) }
}

function readQuery(query: URLSearchParams): RedisSettings & { database?: number } {
  const numbers = ['shards', 'timeout', 'lease', 'replicas', 'database']
  const settings: Record<string, string | number> = {}
  for (const [name, value] of query) {
    if (numbers.includes(name) && /^\d+$/.test(value)) settings[name] = Number(value)
    else if (name === 'prefix' || (name === 'durability' && /^(process|power)$/.test(value))) settings[name] = value
    else {
      throw new StemkitError(
        'bad-input',
        `rows in Redis: '${name}=${value}' in the URL; it takes prefix=NAME, durability=process|power and numbers for ${numbers.join(', ')}`,
      )
    }
  }
  return settings
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new StemkitError(
      'bad-input',
      'rows in Redis: a percent sign in the URL that encodes nothing; write it as %25',
    )
  }
}

/** `host:port`, or the path of the socket. */
export function nameOf(address: Address): string {
  if ('path' in address) return address.path
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`
}
