import { StemkitError } from '@stemkit/spec/errors'
import { isObject } from './strict-json.ts'

/** Reads the keys of a parsed JSON object one by one; what is wrong is said with the key's name. */
export interface ConfigReader {
  has(key: string): boolean
  /** A positive whole number, or `fallback` where the key is absent or null. */
  count(key: string, fallback?: number): number
  /** A positive number. */
  positive(key: string, fallback?: number): number
  flag(key: string, fallback: boolean): boolean
  /** A list of whole numbers from 0 to below `limit`. */
  indices(key: string, limit: number): number[] | undefined
  names(key: string): string[] | undefined
  /** Refuses a value other than the ones listed: what the format allows and this library does not do. */
  only(key: string, allowed: readonly unknown[], why: string): void
  object(key: string): Record<string, unknown> | undefined
  /** An error about this config. */
  wrong(key: string, problem: string): StemkitError
}

/** A value as it appears in a message: as JSON, and short. */
const show = (value: unknown): string => {
  const text = JSON.stringify(value) ?? String(value)
  return text.length <= 100 ? text : `${text.slice(0, 80)}...`
}

const isIndex = (limit: number) => (value: unknown) =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) < limit

/** @throws bad-input if `json` is not an object; every method throws bad-input or unsupported, beginning with `what` */
export function readConfig(what: string, json: unknown): ConfigReader {
  const wrong = (key: string, problem: string): StemkitError =>
    new StemkitError('bad-input', `${what}: ${key} ${problem}`)
  if (!isObject(json)) throw new StemkitError('bad-input', `${what} is not a JSON object`)
  const get = (key: string): unknown => (Object.hasOwn(json, key) ? (json[key] ?? undefined) : undefined)
  const number = (key: string, fallback: number | undefined, fits: (n: number) => boolean, kind: string): number => {
    const value = get(key) ?? fallback
    if (value === undefined) throw wrong(key, 'is missing')
    if (typeof value !== 'number' || !fits(value)) throw wrong(key, `is ${show(value)}, but must be ${kind}`)
    return value
  }
  const list = <T>(key: string, fits: (value: unknown) => boolean, kind: string): T[] | undefined => {
    const value = get(key)
    if (value === undefined) return undefined
    if (!Array.isArray(value)) throw wrong(key, `is ${show(value)}, but must be a list of ${kind}`)
    const stray = value.findIndex((entry) => !fits(entry))
    if (stray >= 0) throw wrong(key, `has ${show(value[stray])} at place ${stray}, but must be a list of ${kind}`)
    return value as T[]
  }

  return {
    has: (key) => get(key) !== undefined,
    count: (key, fallback) => number(key, fallback, (n) => Number.isSafeInteger(n) && n > 0, 'a positive whole number'),
    positive: (key, fallback) => number(key, fallback, (n) => Number.isFinite(n) && n > 0, 'a positive number'),
    flag: (key, fallback) => {
      const value = get(key) ?? fallback
      if (typeof value !== 'boolean') throw wrong(key, `is ${show(value)}, but must be true or false`)
      return value
    },
    indices: (key, limit) => list<number>(key, isIndex(limit), `whole numbers from 0 to ${limit - 1}`),
    names: (key) => list<string>(key, (value) => typeof value === 'string' && value !== '', 'names'),
    only: (key, allowed, why) => {
      const value = get(key)
      if (value === undefined || allowed.includes(value)) return
      throw new StemkitError('unsupported', `${what}: ${key} is ${show(value)}, but ${why}`)
    },
    object: (key) => {
      const value = get(key)
      if (value !== undefined && !isObject(value)) throw wrong(key, `is ${show(value)}, but must be an object`)
      return value
    },
    wrong,
  }
}
