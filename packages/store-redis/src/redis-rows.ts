import { StemkitError } from '@stemkit/spec/errors'
import { checkGeometry, checkMetaName, checkRows, rowCalls } from '@stemkit/spec/row-calls'
import type {
  Meta,
  OpenRows,
  OpenRowsOptions,
  RowDriver,
  RowGeometry,
  RowLock,
  RowOptions,
} from '@stemkit/spec/row-driver'
import { randomBytes } from 'node:crypto'
import type { ConnectionOptions } from 'node:tls'
import { inspectServers } from './durability.ts'
import { checkFlushed, flushRows } from './flush.ts'
import { openGenerations } from './generations.ts'
import { createRows, describeRows, growRows, MOST_ROW_BYTES, MOST_SHARDS } from './geometry.ts'
import { openLedger } from './ledger.ts'
import { takeLock } from './lock.ts'
import { openMetas } from './metas.ts'
import { openRouter, type Router } from './router.ts'
import { rowsInShards } from './rows-in-shards.ts'
import { settle, type CheckedSettings } from './settings.ts'
import { homeOf, shardsOf } from './slots.ts'
import { nameOf, parseRedisUrl, type RedisSettings } from './url.ts'

export interface RedisRowsOptions extends RedisSettings, OpenRowsOptions {
  /**
   * `redis://user:password@host:6379/0?prefix=x`, `rediss://` for TLS, `redis+cluster://h1:6379,h2:6379?prefix=x`,
   * `redis+unix:///path/to/socket`; `valkey` instead of `redis` says the same. The settings may be in its query.
   */
  readonly url: string
  /** For `rediss://`: certificates and the like, as `tls.connect` takes them. */
  readonly tls?: ConnectionOptions
}

/** Stands for the number of rows among the names of metas, none of which has a '/'. */
const RESIZE = 'rows/'
/** Milliseconds without a sign of life after which a connection is given up and made again. */
const silenceOf = (timeout: number): number => Math.min(5000, Math.ceil(timeout / 3))

/**
 * Opens rows in Redis or Valkey, or makes some: on one server, or over the masters of a cluster.
 * @throws bad-input for an impossible URL, setting or password; not-found if there are no rows; conflict where `create` finds
 *   some; unsupported for a server that evicts keys; corrupt if a server has lost rows that were flushed; io
 */
export async function redisRows(options: RedisRowsOptions): Promise<RowDriver> {
  const { url, create, readOnly = false, tls = true, signal } = options
  const parsed = parseRedisUrl(url)
  const settings = settle(parsed.settings, options)
  const where = `redis ${parsed.addresses.map(nameOf).join(',')}, rows '${settings.prefix}'`
  if (create !== undefined && readOnly) {
    throw new StemkitError('bad-input', `${where}: rows cannot be made read-only; make them, then open them again`)
  }
  signal?.throwIfAborted()
  const { timeout } = settings
  const connecting = { ...parsed, tls: parsed.tls && tls, timeout, silence: silenceOf(timeout) }
  const router = await openRouter(connecting, signal)
  try {
    return await openRows({ where, router, settings, create, readOnly, signal })
  } catch (error) {
    router.close()
    throw error
  }
}

/** `redisRows` for URLs whose scheme names Redis or Valkey, as plugins and the command line take drivers. */
export const openRedisRows: OpenRows = (url, options = {}) => redisRows({ ...options, url })

interface Opening {
  readonly where: string
  readonly router: Router
  readonly settings: CheckedSettings
  readonly create: RowGeometry | undefined
  readonly readOnly: boolean
  readonly signal: AbortSignal | undefined
}

async function openRows({ where, router, settings, create, readOnly, signal }: Opening): Promise<RowDriver> {
  const { prefix, timeout, lease, replicas } = settings
  const home = homeOf(prefix)
  const { durability, waits } = await inspectServers(router, settings.durability, signal)
  if (create !== undefined) {
    const shards = settings.shards ?? Math.min(MOST_SHARDS, 16 * router.masters().length)
    await createRows(where, router, home, prefix, { ...create, shards }, signal)
  }
  const { rowBytes, ...found } = await describeRows(where, router, home, signal)
  let rowCount = found.rows

  const shards = shardsOf(prefix, found.shards)
  const generations = openGenerations({ where, router, home, lease })
  const serverOf = (shard: number): string => router.serverOf(shards[shard]!.slot).name
  const ledger = openLedger(shards.length, serverOf, (error) => generations.held?.lose(error))
  const rows = rowsInShards({ router, shards, rowBytes, ledger, generations })
  const metas = openMetas({ where, router, home, generations, caller: randomBytes(8).toString('hex') })
  const parts = { where, router, home, shards, ledger, generations, rows, metas }
  await rows.survey(signal)
  await checkFlushed(parts, signal)

  const patience = Math.floor(silenceOf(timeout) / 2)
  const calls = rowCalls()
  const locks = new Set<RowLock>()
  let closing: Promise<void> | undefined

  const getMeta = async (name: string, options: RowOptions = {}): Promise<Meta | undefined> => {
    checkMetaName(name)
    return calls.run({ name }, () => metas.get(name, options.signal), options.signal)
  }

  const writing: Partial<RowDriver> = {
    async write(ids, from, options = {}) {
      checkRows({ rows: rowCount, rowBytes }, ids, from)
      await calls.run({ write: ids }, () => rows.write(ids, from, options.signal), options.signal)
    },
    async resize(wanted, options = {}) {
      checkGeometry({ rows: wanted, rowBytes }, where, MOST_ROW_BYTES)
      const work = async (): Promise<void> => {
        if (wanted < rowCount) {
          throw new StemkitError('bad-input', `${where}: there are ${rowCount}, not to be cut to ${wanted}`)
        }
        rowCount = await growRows(where, router, home, wanted, options.signal)
        metas.unflushed = true
      }
      await calls.run({ name: RESIZE }, work, options.signal)
    },
    meta: {
      get: getMeta,
      async put(name, bytes, { ifVersion, signal: aborting } = {}) {
        checkMetaName(name)
        return calls.run({ name }, () => metas.put(name, bytes, ifVersion, aborting), aborting)
      },
      async remove(name, options = {}) {
        checkMetaName(name)
        await calls.run({ name }, () => metas.remove(name, options.signal), options.signal)
      },
    },
    async lock(options = {}) {
      const work = async (): Promise<RowLock> => {
        const taken = await takeLock({ ...parts, lease, timeout }, options.signal)
        if (options.signal?.aborted === true) await taken.release()
        else locks.add(taken)
        return taken
      }
      const lock = await calls.run({}, work, options.signal)
      return {
        lost: lock.lost,
        async release() {
          if (locks.delete(lock)) await lock.release()
        },
      }
    },
    async flush(options = {}) {
      await calls.run(
        { all: 'before' },
        () => flushRows({ ...parts, waits, replicas, patience }, options.signal),
        options.signal,
      )
    },
  }

  const close = async (): Promise<void> => {
    await calls.end()
    await Promise.all([...locks].map((lock) => lock.release()))
    router.close()
  }

  return {
    get rows() {
      return rowCount
    },
    rowBytes,
    durability,
    where,
    async read(ids, into, options = {}) {
      checkRows({ rows: rowCount, rowBytes }, ids, into)
      await calls.run({ read: ids }, () => rows.read(ids, into, options.signal), options.signal)
    },
    meta: { get: getMeta },
    ...(readOnly ? {} : writing),
    async dispose() {
      closing ??= close()
      await closing
    },
  }
}
