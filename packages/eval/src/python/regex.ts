import { StemkitError } from '@stemkit/spec/errors'
import { SPACE_CLASS } from './text.ts'

/** What `\w` of Python's `re` means for text: letters and numbers of every script, and the underscore. */
const WORD_CLASS = String.raw`\p{L}\p{N}_`
const classes: Record<string, string> = {
  d: String.raw`\p{Nd}`,
  D: String.raw`\P{Nd}`,
  s: `[${SPACE_CLASS}]`,
  S: `[^${SPACE_CLASS}]`,
  w: `[${WORD_CLASS}]`,
  W: `[^${WORD_CLASS}]`,
}
const START = String.raw`(?<![\s\S])`
const END = String.raw`(?![\s\S])`
const assertions: Record<string, string> = {
  A: START,
  Z: END,
  b: `(?:(?<=[${WORD_CLASS}])(?![${WORD_CLASS}])|(?<![${WORD_CLASS}])(?=[${WORD_CLASS}]))`,
  B: `(?:(?<=[${WORD_CLASS}])(?=[${WORD_CLASS}])|(?<![${WORD_CLASS}])(?![${WORD_CLASS}]))`,
}
const controls: Record<string, string> = { a: '\x07', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' }

interface Flags {
  ignoreCase: boolean
  dotAll: boolean
  multiline: boolean
}

/**
 * The regular expression that matches what Python's `re` matches with `pattern`, by code points. `flags` are those of `re`, as letters
 * (`i`, `m`, `s`); they may also stand at the beginning of the pattern. The result is global and has no state that matters to `matchAll`
 * and `replaceAll`. Python's white space, digits, word characters, `$`, `^`, `\A`, `\Z` and named groups are translated.
 *
 * Throws on a pattern that is not valid, and on what JavaScript has no form for: conditional groups, atomic groups and possessive
 * quantifiers, `(?x)`, `(?a)`, `(?L)`.
 */
export function pythonRegex(pattern: string, flags = ''): RegExp {
  const leading = /^\(\?([a-zA-Z]+)\)/.exec(pattern)
  const given = flags + (leading?.[1] ?? '')
  const unknown = /[^imsu]/.exec(given)
  if (unknown) throw unsupported(pattern, `the flag ${unknown[0]}`)
  const has = (flag: string) => given.includes(flag)
  const source = translate(pattern.slice(leading?.[0].length ?? 0), {
    ignoreCase: has('i'),
    dotAll: has('s'),
    multiline: has('m'),
  })
  try {
    return new RegExp(source, has('i') ? 'giv' : 'gv')
  } catch (error) {
    throw new StemkitError('bad-input', `the pattern ${JSON.stringify(pattern)} is no regular expression`, {
      cause: error,
    })
  }
}

/**
 * `re.findall`: every match, from left to right. A pattern without groups gives the matches, one with a group what the group
 * matched, one with several an array of that; a group that took no part is the empty string.
 */
export function findAll(pattern: RegExp, text: string): (string | string[])[] {
  return Array.from(text.matchAll(pattern), ([whole, ...groups]) => {
    if (groups.length === 0) return whole
    const texts = groups.map((group) => group ?? '')
    return texts.length === 1 ? (texts[0] ?? '') : texts
  })
}

function translate(pattern: string, flags: Flags): string {
  // One entry per open group: flags that hold inside it.
  const open: Flags[] = [flags]
  let out = ''
  let at = 0
  const current = () => open.at(-1) ?? flags
  while (at < pattern.length) {
    const rest = pattern.slice(at)
    const group = /^\(\?(?:P<(\w+)>|P=(\w+)\)|([imsu]*)(?:-([ims]+))?:|(<?[=!])|#[^)]*\)|)/.exec(rest)
    const quantifier = /^(?:[*+?]|\{(\d*)(,?)(\d*)\})/.exec(rest)
    if (group) {
      const [text, name, reference, on, off, look] = group
      at += text.length
      if (name !== undefined) out += `(?<${name}>`
      else if (reference !== undefined) out += String.raw`\k<${reference}>`
      else if (on !== undefined) out += `(?:`
      else if (look !== undefined) out += `(?${look}`
      else if (!text.startsWith('(?#')) throw unsupported(pattern, `the group ${rest.slice(0, 4)}`)
      if (reference === undefined && !text.startsWith('(?#'))
        open.push(changed(pattern, current(), on ?? '', off ?? ''))
    } else if (rest.startsWith('(')) {
      open.push(current())
      out += '('
      at++
    } else if (rest.startsWith(')')) {
      if (open.length === 1)
        throw new StemkitError('bad-input', `the pattern ${JSON.stringify(pattern)} has a bracket too many`)
      open.pop()
      out += ')'
      at++
    } else if (quantifier && quantifier[0] !== '{}' && quantifier[0] !== '{,}') {
      const [text, least, comma, most] = quantifier
      out += least === '' && comma ? `{0,${most}}` : text
      at += text.length
      if (pattern[at] === '+') throw unsupported(pattern, 'a possessive quantifier')
      if (pattern[at] === '?') {
        out += '?'
        at++
      }
    } else if (rest.startsWith('[')) {
      const [translated, length] = translateClass(pattern, at)
      out += translated
      at += length
    } else if (rest.startsWith('\\')) {
      const [translated, length] = translateEscape(pattern, at, false)
      out += translated
      at += length
    } else {
      const character = String.fromCodePoint(rest.codePointAt(0) ?? 0)
      out += anyOrEnd(character, current()) ?? literal(character)
      at += character.length
    }
  }
  return out
}

function anyOrEnd(character: string, { dotAll, multiline }: Flags): string | undefined {
  if (character === '|') return '|'
  if (character === '.') return dotAll ? String.raw`[\s\S]` : String.raw`[^\n]`
  if (character === '^') return multiline ? String.raw`(?:${START}|(?<=\n))` : START
  if (character === '$') return multiline ? String.raw`(?:${END}|(?=\n))` : String.raw`(?=\n?${END})`
  return undefined
}

function changed(pattern: string, flags: Flags, on: string, off: string): Flags {
  if ((on + off).includes('i') && flags.ignoreCase === off.includes('i')) {
    throw unsupported(pattern, 'case ignored in a part only')
  }
  return {
    ignoreCase: flags.ignoreCase,
    dotAll: (flags.dotAll || on.includes('s')) && !off.includes('s'),
    multiline: (flags.multiline || on.includes('m')) && !off.includes('m'),
  }
}

/** A character class from its bracket on: its translation, and its length in the pattern. */
function translateClass(pattern: string, start: number): [string, number] {
  let at = start + 1
  let out = '['
  if (pattern[at] === '^') {
    out += '^'
    at++
  }
  for (let first = true; first || pattern[at] !== ']'; first = false) {
    const code = pattern.codePointAt(at)
    if (code === undefined)
      throw new StemkitError('bad-input', `the pattern ${JSON.stringify(pattern)} has an open class`)
    const character = String.fromCodePoint(code)
    const isRange = character === '-' && !first && pattern[at + 1] !== ']' && !out.endsWith('[^')
    if (character === '\\') {
      const [translated, length] = translateEscape(pattern, at, true)
      out += translated
      at += length
    } else {
      out += isRange ? '-' : literal(character)
      at += character.length
    }
  }
  return [`${out}]`, at + 1 - start]
}

function translateEscape(pattern: string, at: number, inClass: boolean): [string, number] {
  const rest = pattern.slice(at)
  const kind = rest[1] ?? ''
  const named = classes[kind] ?? (inClass ? undefined : assertions[kind])
  if (named !== undefined) return [named, 2]
  if (inClass && kind === 'b') return [literal('\b'), 2]
  const control = controls[kind]
  if (control !== undefined) return [literal(control), 2]
  const hex = /^\\(?:x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8}))/.exec(rest)
  if (hex) return [literal(String.fromCodePoint(Number.parseInt(hex[1] ?? hex[2] ?? hex[3] ?? '', 16))), hex[0].length]
  const octal = inClass ? /^\\([0-7]{1,3})/.exec(rest) : /^\\(0[0-7]{0,2}|[1-3][0-7]{2})/.exec(rest)
  if (octal) return [literal(String.fromCodePoint(Number.parseInt(octal[1] ?? '', 8))), octal[0].length]
  const reference = inClass ? null : /^\\[1-9]\d?/.exec(rest)
  // A digit that follows is a character of its own.
  if (reference) return [`(?:${reference[0]})`, reference[0].length]
  if (kind === '' || /[a-zA-Z\d]/.test(kind)) {
    throw new StemkitError(
      'bad-input',
      `the pattern ${JSON.stringify(pattern)} has the escape \\${kind}, which Python does not know`,
    )
  }
  const character = String.fromCodePoint(rest.codePointAt(1) ?? 0)
  return [literal(character), 1 + character.length]
}

/** A character that means itself, inside a class and outside. */
const literal = (character: string) =>
  /[\p{L}\p{N}]/u.test(character) ? character : `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`

const unsupported = (pattern: string, what: string) =>
  new StemkitError(
    'unsupported',
    `the pattern ${JSON.stringify(pattern)} has ${what}, which cannot be translated from Python`,
  )
