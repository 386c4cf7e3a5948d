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
  // Before parsing, so that a text of nothing but brackets does not become a hundred times its size in objects first.
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

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COLON = 0x3a
const OPEN_LIST = 0x5b
const CLOSE_LIST = 0x5d
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d

/** Says what is wrong with the keys or the depth of a JSON text; a text that is no JSON may pass. */
function scanKeys(text: string, maxDepth: number): string | undefined {
  // Whoever describes something needs more characters than that for every list or object.
  const mostOpened = 16 + Math.floor(text.length / 8)
  let opened = 0
  // The keys so far of every object that is open; undefined for a list.
  const levels: (Set<string> | undefined)[] = []
  let lastString = [0, 0] as readonly [begin: number, end: number]
  for (let i = 0; i < text.length; i++) {
    switch (text.charCodeAt(i)) {
      case QUOTE:
        lastString = [i, endOfString(text, i)]
        i = lastString[1] - 1
        break
      case COLON: {
        const key = readString(text.slice(...lastString))
        const keys = levels.at(-1)
        if (key === undefined || keys === undefined) return 'is not valid JSON'
        if (UNSAFE_NAMES.has(key)) return `has the name ${quote(key)}, which is not allowed`
        if (keys.has(key)) return `has ${quote(key)} twice`
        keys.add(key)
        break
      }
      case OPEN_OBJECT:
      case OPEN_LIST:
        levels.push(text.charCodeAt(i) === OPEN_OBJECT ? new Set() : undefined)
        opened++
        if (levels.length > maxDepth) return `is nested deeper than ${maxDepth} levels`
        if (opened > mostOpened) return `has more than ${mostOpened} lists and objects in ${text.length} characters`
        break
      case CLOSE_OBJECT:
      case CLOSE_LIST:
        levels.pop()
        break
    }
  }
  return undefined
}

/** The place after the quote that ends the string that starts at `begin`. */
function endOfString(text: string, begin: number): number {
  for (let i = begin + 1; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === BACKSLASH) i++
    else if (code === QUOTE) return i + 1
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
