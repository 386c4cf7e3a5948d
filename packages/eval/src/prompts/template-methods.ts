import { StemkitError } from '@stemkit/spec/errors'
import { pythonStr } from '../python/repr.ts'
import { capitalize, codePoints, isSpace, lstrip, rstrip, splitLines, splitWords, strip } from '../python/text.ts'
import { valuesEqual } from './template-values.ts'

type Arguments = readonly unknown[]

/** A method of Python's `str`, `list` or `dict`. */
export function pythonMethod(
  object: unknown,
  name: string,
  args: Arguments,
  named: Readonly<Record<string, unknown>>,
): unknown {
  const own = (methods: object) => Object.hasOwn(methods, name)
  if (Object.keys(named).length > 0) throw unknown(object, `${name} with named arguments`)
  if (typeof object === 'string' && own(stringMethods)) return stringMethods[name]?.(object, args)
  if (Array.isArray(object) && own(listMethods)) return listMethods[name]?.(object, args)
  if (typeof object === 'object' && object !== null && !Array.isArray(object) && own(dictMethods)) {
    return dictMethods[name]?.(object as Record<string, unknown>, args)
  }
  throw unknown(object, name)
}

const text = (value: unknown): string => {
  if (typeof value === 'string') return value
  throw new StemkitError('bad-input', `a string is needed, not ${pythonStr(value)}`)
}
const optionalText = (value: unknown) => (value === undefined || value === null ? undefined : text(value))

const stringMethods: Readonly<Record<string, (self: string, args: Arguments) => unknown>> = {
  strip: (self, [characters]) => strip(self, optionalText(characters)),
  lstrip: (self, [characters]) => lstrip(self, optionalText(characters)),
  rstrip: (self, [characters]) => rstrip(self, optionalText(characters)),
  lower: (self) => self.toLowerCase(),
  upper: (self) => self.toUpperCase(),
  capitalize: (self) => capitalize(self),
  replace: (self, [from, to, count]) => replace(self, text(from), text(to), count),
  split: (self, [separator, limit]) => split(self, optionalText(separator), limit),
  splitlines: (self) => splitLines(self),
  startswith: (self, [prefix]) => self.startsWith(text(prefix)),
  endswith: (self, [suffix]) => self.endsWith(text(suffix)),
  join: (self, [items]) => (items as unknown[]).map(text).join(self),
  count: (self, [part]) => self.split(text(part)).length - 1,
  find: (self, [part]) => position(self, text(part)),
  index(self, [part]) {
    const at = position(self, text(part))
    if (at < 0) throw new StemkitError('bad-input', `${JSON.stringify(part)} is not in the string`)
    return at
  },
  isdigit: (self) => /^\p{Nd}+$/u.test(self),
  isspace: (self) => isSpace(self),
}

/** By code points. */
const position = (self: string, part: string) => {
  const at = self.indexOf(part)
  return at < 0 ? at : codePoints(self.slice(0, at))
}

function replace(self: string, from: string, to: string, count: unknown): string {
  if (typeof count !== 'number' || count < 0) return self.replaceAll(from, () => to)
  let out = self
  let start = 0
  for (let done = 0; done < count; done++) {
    const at = out.indexOf(from, start)
    if (at < 0) break
    out = out.slice(0, at) + to + out.slice(at + from.length)
    start = at + to.length
  }
  return out
}

function split(self: string, separator: string | undefined, limit: unknown): string[] {
  const parts = separator === undefined ? splitWords(self) : self.split(separator)
  if (typeof limit !== 'number' || limit < 0 || parts.length <= limit + 1) return parts
  if (separator === undefined) throw unknown(self, 'split at white space with a limit')
  return [...parts.slice(0, limit), parts.slice(limit).join(separator)]
}

const listMethods: Readonly<Record<string, (self: readonly unknown[], args: Arguments) => unknown>> = {
  index(self, [item]) {
    const at = self.findIndex((element) => valuesEqual(element, item))
    if (at < 0) throw new StemkitError('bad-input', `${pythonStr(item)} is not in ${pythonStr(self)}`)
    return at
  },
  count: (self, [item]) => self.filter((element) => valuesEqual(element, item)).length,
}

const dictMethods: Readonly<Record<string, (self: Readonly<Record<string, unknown>>, args: Arguments) => unknown>> = {
  get: (self, [key, fallback]) => (Object.hasOwn(self, String(key)) ? self[String(key)] : (fallback ?? null)),
  keys: (self) => Object.keys(self),
  values: (self) => Object.values(self),
  items: (self) => Object.entries(self),
}

const unknown = (object: unknown, name: string) => {
  const kind = typeof object === 'string' ? 'a string' : Array.isArray(object) ? 'a list' : 'this value'
  return new StemkitError('unsupported', `templates here do not know ${name} of ${kind}`)
}
