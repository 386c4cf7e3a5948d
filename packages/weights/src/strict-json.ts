import { StemkitError } from '@stemkit/spec/errors'

/** Names that would change an object's behaviour rather than its contents. */
export const UNSAFE_NAMES: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype'])

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Whether `value` is an object whose values are all strings. */
export const isStringMap = (value: unknown): value is Record<string, string> =>
  isObject(value) && Object.values(value).every((entry) => typeof entry === 'string')

/** A name as it appears in a message: quoted, on one line, and short. */
export const quote = (name: string): string => {
  const quoted = JSON.stringify(name)
  return quoted.length <= 120 ? quoted : `${quoted.slice(0, 100)}..."`
}

/**
 * Parses JSON from a file that nobody vouches for: an object in UTF-8 of at most `maxDepth` levels, in which no key
 * occurs twice (where one reader may take the first and another the last) and none is a prototype's.
 * @throws corrupt with one line that begins with `what`
 */
export function parseStrictJson(
  what: string,
  bytes: Uint8Array,
  { maxDepth }: { maxDepth: number },
): Record<string, unknown> {
  const refuse = (problem: string, cause?: unknown): never => {
    throw new StemkitError('corrupt', `${what} ${problem}`, { cause })
  }
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (cause) {
    return refuse('is not valid UTF-8', cause)
  }
  // Before parsing, so that a deeply nested text does not become millions of objects first.
  const fault = scanKeys(text, maxDepth)
  let value: unknown
  try {
    if (fault === undefined) value = JSON.parse(text)
  } catch (cause) {
    return refuse('is not valid JSON', cause)
  }
  if (fault !== undefined) return refuse(fault)
  return isObject(value) ? value : refuse('is not a JSON object')
}

/** Says what is wrong with the keys or the depth of a JSON text; a text that is no JSON may pass. */
function scanKeys(text: string, maxDepth: number): string | undefined {
  // The keys so far of every object that is open; undefined for a list.
  const levels: (Set<string> | undefined)[] = []
  let lastString = ''
  for (let i = 0; i < text.length; i++) {
    switch (text[i]) {
      case '"': {
        const end = endOfString(text, i)
        lastString = text.slice(i, end + 1)
        i = end
        break
      }
      case ':': {
        const key = readString(lastString)
        const keys = levels.at(-1)
        if (key === undefined || keys === undefined) return 'is not valid JSON'
        if (UNSAFE_NAMES.has(key)) return `has the name ${quote(key)}, which is not allowed`
        if (keys.has(key)) return `has ${quote(key)} twice`
        keys.add(key)
        break
      }
      case '{':
      case '[':
        levels.push(text[i] === '{' ? new Set() : undefined)
        if (levels.length > maxDepth) return `is nested deeper than ${maxDepth} levels`
        break
      case '}':
      case ']':
        levels.pop()
        break
    }
  }
  return undefined
}

function endOfString(text: string, start: number): number {
  for (let i = start + 1; i < text.length; i++) {
    if (text[i] === '\\') i++
    else if (text[i] === '"') return i
  }
  return text.length
}

function readString(token: string): string | undefined {
  try {
    return JSON.parse(token) as string
  } catch {
    return undefined
  }
}
