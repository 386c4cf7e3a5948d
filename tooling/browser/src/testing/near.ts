import { expect } from 'vitest'

/** The same JSON value, with numbers that may be 5e-6 off. */
export function near(value: unknown): unknown {
  if (typeof value === 'number') return expect.closeTo(value, 5)
  if (Array.isArray(value)) return value.map(near)
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, near(inner)]))
}
