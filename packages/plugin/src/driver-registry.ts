import { StemkitError } from '@stemkit/spec/errors'
import type { OpenRows, RowDriver } from '@stemkit/spec/row-driver'
import type { Plugin } from './define-plugin.ts'
import { nearest } from './nearest.ts'

export interface DriverRegistry {
  /** Known URL schemes, in the order in which they came. */
  readonly schemes: readonly string[]
  /**
   * Opens the rows that a URL names, with the driver of its scheme.
   * @throws bad-input for a URL without a scheme or with an unknown one; else what the driver throws
   */
  readonly open: OpenRows
}

/**
 * The drivers of several plugins, by URL scheme.
 * @throws bad-input if two bring the same scheme
 */
export function createDriverRegistry(plugins: readonly Plugin[]): DriverRegistry {
  const known = new Map<string, { readonly plugin: string; readonly open: OpenRows }>()
  for (const { name: plugin, drivers = {} } of plugins) {
    for (const [scheme, open] of Object.entries(drivers)) {
      const taken = known.get(scheme)
      if (taken) {
        throw new StemkitError(
          'bad-input',
          `plugin ${plugin}: URL scheme '${scheme}' is taken by ${taken.plugin}; leave one of them out`,
        )
      }
      known.set(scheme, { plugin, open })
    }
  }
  const schemes = [...known.keys()]
  return {
    schemes,
    async open(url, options) {
      const scheme = schemeOf(url, schemes)
      const entry = known.get(scheme)
      if (entry === undefined) throw unknownScheme(scheme, schemes)
      const driver: unknown = await entry.open(url, options)
      if (isDriver(driver)) return driver
      throw new StemkitError(
        'bad-input',
        `plugin ${entry.plugin}: '${scheme}' opened something that is no row driver; it needs rows, rowBytes, durability, read and dispose`,
      )
    },
  }
}

/** URLs may hold passwords, so that messages name nothing but the scheme. */
function schemeOf(url: string, schemes: readonly string[]): string {
  const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(url)?.[1]
  if (scheme !== undefined) return scheme.toLowerCase()
  throw new StemkitError(
    'bad-input',
    `a place of rows without a URL scheme; write a URL, as in file:rows.stem; known schemes are ${list(schemes)}`,
  )
}

function unknownScheme(scheme: string, schemes: readonly string[]): StemkitError {
  const meant = nearest(scheme, schemes)
  const hint = meant === undefined ? '' : `; did you mean '${meant}'?`
  return new StemkitError(
    'bad-input',
    `no row driver for the URL scheme '${scheme}'${hint} (known are ${list(schemes)}; others come with plugins)`,
  )
}

const list = (schemes: readonly string[]): string => schemes.join(', ') || 'none'

const isDriver = (value: unknown): value is RowDriver => {
  if (typeof value !== 'object' || value === null) return false
  const driver = value as Partial<Record<keyof RowDriver, unknown>>
  return (
    Number.isInteger(driver.rows) &&
    Number.isInteger(driver.rowBytes) &&
    ['none', 'process', 'power'].includes(driver.durability as string) &&
    typeof driver.read === 'function' &&
    typeof driver.dispose === 'function'
  )
}
