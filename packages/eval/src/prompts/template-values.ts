import { StemkitError } from '@stemkit/spec/errors'
import { pythonRepr } from '../python/repr.ts'

/** What Python takes as true. */
export function isTruthy(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0
  if (typeof value === 'object' && value !== null) return Object.keys(value).length > 0
  return Boolean(value)
}

/** Python's `==` of JSON values: by value, with True equal to 1. */
export function valuesEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (Array.isArray(a) || Array.isArray(b)) {
    return (
      Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((item, i) => valuesEqual(item, b[i]))
    )
  }
  if (typeof a === 'object' && a !== null && typeof b === 'object' && b !== null) {
    const keys = Object.keys(a)
    const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>]
    return (
      keys.length === Object.keys(b).length &&
      keys.every((key) => Object.hasOwn(right, key) && valuesEqual(left[key], right[key]))
    )
  }
  return typeof a !== typeof b && isNumeric(a) && isNumeric(b) && Number(a) === Number(b)
}

const isNumeric = (value: unknown) => typeof value === 'number' || typeof value === 'boolean'

/** The sign of a comparison, strings by code points. */
export function compare(a: unknown, b: unknown): number {
  if (typeof a === 'string' && typeof b === 'string') {
    const [left, right] = [[...a], [...b]]
    for (let i = 0; i < Math.min(left.length, right.length); i++) {
      const difference = (left[i]?.codePointAt(0) ?? 0) - (right[i]?.codePointAt(0) ?? 0)
      if (difference !== 0) return difference
    }
    return left.length - right.length
  }
  if (isNumeric(a) && isNumeric(b)) return Number(a) - Number(b)
  throw new StemkitError('bad-input', `${pythonRepr(a)} and ${pythonRepr(b)} have no order`)
}

/** `object.name` of data; methods are only called. */
export function attributeOf(object: unknown, name: string): unknown {
  if (typeof object === 'object' && object !== null) {
    if (Array.isArray(object)) return itemOf(object, Number(name))
    if (Object.hasOwn(object, name)) return (object as Record<string, unknown>)[name]
  }
  throw new StemkitError('bad-input', `${shown(object)} has no ${name}`)
}

/** `object[key]`: negative positions count from the end. */
export function itemOf(object: unknown, key: unknown): unknown {
  if (typeof object === 'object' && object !== null && !Array.isArray(object)) return attributeOf(object, String(key))
  const items = Array.isArray(object) ? object : typeof object === 'string' ? [...object] : []
  const item: unknown = typeof key === 'number' ? items.at(key) : undefined
  if (item === undefined) throw new StemkitError('bad-input', `${shown(object)} has no item ${String(key)}`)
  return item
}

/** `object[start:stop:step]` of a list or a string, by code points. */
export function sliceOf(object: unknown, start?: number, stop?: number, step = 1): unknown {
  const isText = typeof object === 'string'
  const items: unknown[] = isText ? [...object] : Array.isArray(object) ? object : []
  if (!isText && !Array.isArray(object)) throw new StemkitError('bad-input', `${shown(object)} cannot be sliced`)
  const length = items.length
  const bound = (at: number, low: number, high: number) => Math.min(Math.max(at < 0 ? at + length : at, low), high)
  const picked: unknown[] = []
  if (step > 0) {
    const end = bound(stop ?? length, 0, length)
    for (let i = bound(start ?? 0, 0, length); i < end; i += step) picked.push(items[i])
  } else {
    const end = stop === undefined ? -1 : bound(stop, -1, length - 1)
    for (let i = bound(start ?? length - 1, -1, length - 1); i > end; i += step) picked.push(items[i])
  }
  return isText ? picked.join('') : picked
}

const shown = (value: unknown) => {
  const text = pythonRepr(value)
  return text.length > 40 ? `${text.slice(0, 40)}...` : text
}
