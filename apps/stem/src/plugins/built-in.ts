import { definePlugin } from '@stemkit/plugin'
import { StemkitError } from '@stemkit/spec/errors'
import type { OpenRows } from '@stemkit/spec/row-driver'
import { memoryRows, openHttpRows } from '@stemkit/store'

/** A driver that is loaded when its scheme is first used. */
const lazily =
  (load: () => Promise<OpenRows>): OpenRows =>
  async (url, options) =>
    (await load())(url, options)

const openMemory: OpenRows = async (_, { create } = {}) => {
  if (create) return memoryRows(create)
  throw new StemkitError('not-found', 'memory: holds nothing yet; rows in it are made, and are gone with the process')
}

/** The row drivers that `stem` knows without a plugin. */
export const builtIn = definePlugin({
  name: 'stem',
  drivers: {
    memory: openMemory,
    file: lazily(async () => (await import('@stemkit/store/node')).openFileRows),
    http: openHttpRows,
    https: openHttpRows,
    sqlite: lazily(async () => (await import('@stemkit/store/sqlite')).openSqliteRows),
  },
})
