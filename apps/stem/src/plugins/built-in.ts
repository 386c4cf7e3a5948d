import { createDriverRegistry, definePlugin } from '@stemkit/plugin'
import { StemkitError } from '@stemkit/spec/errors'
import type { OpenRows, OpenRowsOptions, RowDriver, RowGeometry } from '@stemkit/spec/row-driver'
import { layeredRows, memoryRows, openHttpRows } from '@stemkit/store'

/** A driver that is loaded when its scheme is first used. */
const lazily =
  (load: () => Promise<OpenRows>): OpenRows =>
  async (url, options) =>
    (await load())(url, options)

const openMemory: OpenRows = async (_, { create } = {}) => {
  if (create) return memoryRows(create)
  throw new StemkitError('not-found', 'memory: holds nothing yet; rows in it are made, and are gone with the process')
}

const openRedis = lazily(async () => (await import('@stemkit/store-redis')).openRedisRows)

/**
 * Rows in layers, the quickest first and the base last: `layered:memory:,file:./cache,https://host/rows`. Upper layers are
 * made where they are not there yet. A comma within a URL is written %2C.
 */
const openLayered: OpenRows = async (url, options = {}) => {
  const urls = url
    .slice('layered:'.length)
    .split(',')
    .map((part) => part.replaceAll(/%2C/gi, ','))
  if (urls.length < 2 || urls.includes('')) {
    throw new StemkitError('bad-input', 'layered: takes two or more URLs, as in layered:memory:,file:./rows')
  }
  const { create: _, ...opening } = options
  const base = await openOne(urls.at(-1)!, options)
  const opened = [base]
  try {
    for (const each of urls.slice(0, -1).toReversed()) {
      opened.unshift(await openOrCreate(each, { rows: base.rows, rowBytes: base.rowBytes }, opening))
    }
    return await layeredRows(opened, opening)
  } catch (error) {
    await Promise.all(opened.map((driver) => driver.dispose()))
    throw error
  }
}

async function openOrCreate(url: string, create: RowGeometry, options: OpenRowsOptions): Promise<RowDriver> {
  const { readOnly: _, ...writing } = options
  try {
    return await openOne(url, writing)
  } catch (error) {
    if (StemkitError.isInstance(error) && error.code === 'not-found') return openOne(url, { ...writing, create })
    throw error
  }
}

const openOne: OpenRows = (url, options) => createDriverRegistry([builtIn]).open(url, options)

/** The row drivers that `stem` knows without a plugin. */
export const builtIn = definePlugin({
  name: 'stem',
  drivers: {
    memory: openMemory,
    file: lazily(async () => (await import('@stemkit/store/node')).openFileRows),
    http: openHttpRows,
    https: openHttpRows,
    layered: openLayered,
    lmdb: lazily(async () => (await import('@stemkit/store-lmdb')).openLmdbRows),
    ...Object.fromEntries(
      ['redis', 'rediss', 'valkey', 'valkeys'].flatMap((scheme) =>
        ['', '+cluster', '+unix'].map((how) => [scheme + how, openRedis]),
      ),
    ),
    sqlite: lazily(async () => (await import('@stemkit/store/sqlite')).openSqliteRows),
  },
})
