import { StemkitError } from '@stemkit/spec/errors'
import { pythonRegex } from '../python/regex.ts'
import { pythonStr } from '../python/repr.ts'
import { codePoints, strip } from '../python/text.ts'
import { attributeOf, compare } from './template-values.ts'

type Filter = (value: unknown, args: readonly unknown[], named: Readonly<Record<string, unknown>>) => unknown

const items = (value: unknown): readonly unknown[] => {
  if (Array.isArray(value)) return value
  if (typeof value === 'string') return [...value]
  throw new StemkitError('bad-input', `a list is needed, not ${pythonStr(value)}`)
}

/** Filters of Jinja, and `regex_replace` of lm-evaluation-harness. */
export const templateFilters: Readonly<Record<string, Filter>> = {
  join: (value, [separator = ''], { attribute }) =>
    items(value)
      .map((item) => pythonStr(attribute === undefined ? item : attributeOf(item, String(attribute))))
      .join(pythonStr(separator)),
  int: (value, [fallback = 0]) => integer(value) ?? fallback,
  string: (value) => pythonStr(value),
  lower: (value) => pythonStr(value).toLowerCase(),
  upper: (value) => pythonStr(value).toUpperCase(),
  trim: (value, [characters]) => strip(pythonStr(value), characters === undefined ? undefined : String(characters)),
  capitalize(value) {
    const text = pythonStr(value)
    const [first = ''] = text
    return first.toUpperCase() + text.slice(first.length).toLowerCase()
  },
  replace: (value, [from, to]) => pythonStr(value).replaceAll(pythonStr(from), () => pythonStr(to)),
  regex_replace: (value, [pattern, to, count = 0]) => {
    let left = Number(count) || Infinity
    const replace = (match: string, ...groups: unknown[]) => (left-- > 0 ? expanded(String(to), match, groups) : match)
    return pythonStr(value).replaceAll(pythonRegex(String(pattern)), replace)
  },
  length: (value) => size(value),
  count: (value) => size(value),
  first: (value) => items(value)[0],
  last: (value) => items(value).at(-1),
  list: (value) => [...items(value)],
  reverse: (value) => (typeof value === 'string' ? [...value].toReversed().join('') : items(value).toReversed()),
  sort: (value) => items(value).toSorted(compare),
  abs: (value) => Math.abs(Number(value)),
  sum: (value) => items(value).reduce<number>((sum, item) => sum + Number(item), 0),
  min: (value) => items(value).reduce((least, item) => (compare(item, least) < 0 ? item : least)),
  max: (value) => items(value).reduce((most, item) => (compare(item, most) > 0 ? item : most)),
}

/** A replacement with what groups matched in place of `\\1` and `\\g<1>`. */
const expanded = (template: string, match: string, groups: readonly unknown[]) =>
  template.replaceAll(/\\(?:g<(\d+)>|(\d))/g, (_, long?: string, short?: string) => {
    const group = Number(long ?? short)
    return group === 0 ? match : String(groups[group - 1] ?? '')
  })

const size = (value: unknown) => {
  if (typeof value === 'string') return codePoints(value)
  return Array.isArray(value) ? value.length : Object.keys(value as object).length
}

/** `int(value)`; undefined where that fails. */
function integer(value: unknown): number | undefined {
  if (typeof value === 'number' || typeof value === 'boolean') return Math.trunc(Number(value))
  const digits = strip(pythonStr(value))
  return /^[-+]?\d+(?:\.\d*)?$/.test(digits) ? Math.trunc(Number(digits)) : undefined
}
