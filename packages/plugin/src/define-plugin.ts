import type { FeedForwardDefinition } from '@stemkit/model'
import { StemkitError } from '@stemkit/spec/errors'
import type { OpenRows } from '@stemkit/spec/row-driver'
import { nearest } from './nearest.ts'

/** What a module brings in: the default export of a file or package that a config or a command names. */
export interface Plugin {
  /** For messages. */
  readonly name: string
  /** Row drivers by URL scheme, `{ mine: openMine }` for `mine://host/rows`. */
  readonly drivers?: Readonly<Record<string, OpenRows>>
  /** Feed-forwards by the kind that a model's config names. */
  readonly feedForwards?: Readonly<Record<string, FeedForwardDefinition>>
}

const KEYS: Record<keyof Plugin, true> = { name: true, drivers: true, feedForwards: true }

/** Kinds that every model knows; see `@stemkit/model`. */
const BUILT_IN_KINDS = ['dense', 'stem', 'hash_moe']

/** As in a URL, and longer than the drive letters of Windows. */
const SCHEME = /^[a-z][a-z0-9+.-]+$/
const KIND = /^[A-Za-z][\w-]*$/

/**
 * The plugin itself, typed and checked.
 * @throws bad-input with one line that says what is wrong with it
 */
export function definePlugin(plugin: Plugin): Plugin {
  return checkPlugin(plugin)
}

/** @throws bad-input for anything that is no plugin, whatever its type */
export function checkPlugin(value: unknown): Plugin {
  if (!isObject(value)) {
    throw new StemkitError('bad-input', 'it is no plugin; write `export default definePlugin({ name, ... })`')
  }
  const { name } = value
  if (typeof name !== 'string' || name.trim() === '') {
    throw new StemkitError('bad-input', 'plugin: name is missing; give it one, messages about the plugin use it')
  }
  const wrong = (problem: string): StemkitError => new StemkitError('bad-input', `plugin ${name}: ${problem}`)

  const unknown = Object.keys(value).find((key) => !Object.hasOwn(KEYS, key))
  if (unknown !== undefined) {
    const meant = nearest(unknown, Object.keys(KEYS))
    throw wrong(
      `unknown key ${unknown}; ${meant ? `did you mean ${meant}?` : `known are ${Object.keys(KEYS).join(', ')}`}`,
    )
  }
  for (const [scheme, open] of entriesOf(value, 'drivers', wrong)) {
    if (!SCHEME.test(scheme)) {
      throw wrong(`'${scheme}' is no URL scheme; use two or more of a-z, 0-9, +, - and dots, without the colon`)
    }
    if (typeof open !== 'function') {
      throw wrong(`drivers.${scheme} is ${kindOf(open)}, it must be a function (url, options) => Promise<RowDriver>`)
    }
  }
  for (const [kind, definition] of entriesOf(value, 'feedForwards', wrong)) {
    if (BUILT_IN_KINDS.includes(kind)) throw wrong(`feed-forward '${kind}' is built in; give yours another name`)
    if (!KIND.test(kind)) throw wrong(`'${kind}' is no name for a feed-forward; use letters, digits, - and _`)
    const missing = ['weights', 'build'].find((key) => !isObject(definition) || typeof definition[key] !== 'function')
    if (missing !== undefined) throw wrong(`feedForwards.${kind} has no function '${missing}'`)
  }
  return value as unknown as Plugin
}

/** @throws what `wrong` makes, unless the key is absent or holds an object */
function entriesOf(
  value: Record<string, unknown>,
  key: keyof Plugin,
  wrong: (problem: string) => StemkitError,
): [string, unknown][] {
  const entries = value[key]
  if (entries === undefined) return []
  if (!isObject(entries)) throw wrong(`${key} is ${kindOf(entries)}, it must be an object of names`)
  return Object.entries(entries)
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const kindOf = (value: unknown): string =>
  value === null
    ? 'null'
    : Array.isArray(value)
      ? 'a list'
      : typeof value === 'object'
        ? 'an object'
        : `a ${typeof value}`
