/**
 * Strings as Python's `str` sees them. What counts as a letter, and its case, follows the Unicode version of the JavaScript engine;
 * the rules are Python's.
 */

/** White space of Python (`str.isspace`, and `\s` of `re`): the inside of a character class. U+FEFF is none, U+001C..1F and U+0085 are. */
export const SPACE_CLASS = String.raw`\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000`

const leadingSpace = new RegExp(`^[${SPACE_CLASS}]+`)
const anySpace = new RegExp(`[${SPACE_CLASS}]`)
const spaces = new RegExp(`[${SPACE_CLASS}]+`)
const onlySpace = new RegExp(`^[${SPACE_CLASS}]+$`)

/** Whether the text is white space throughout, and not empty. */
export const isSpace = (text: string): boolean => onlySpace.test(text)

/** Removes leading white space, or the given characters. */
export const lstrip = (text: string, characters?: string): string => {
  if (characters === undefined) return text.replace(leadingSpace, '')
  const all = new Set(characters)
  let start = 0
  for (const character of text) {
    if (!all.has(character)) break
    start += character.length
  }
  return text.slice(start)
}

/** Removes trailing white space, or the given characters. */
export const rstrip = (text: string, characters?: string): string => {
  const stripped =
    characters === undefined ? (unit: string) => anySpace.test(unit) : (unit: string) => characters.includes(unit)
  let end = text.length
  // Characters outside the basic plane are two units; none of them is white space.
  while (end > 0) {
    const start = end > 1 && isLowSurrogate(text, end - 1) ? end - 2 : end - 1
    if (!stripped(text.slice(start, end))) break
    end = start
  }
  return text.slice(0, end)
}

/** Removes white space at both ends, or the given characters. */
export const strip = (text: string, characters?: string): string => rstrip(lstrip(text, characters), characters)

/** `str.split()`: the words between white space, none of them empty. */
export const splitWords = (text: string): string[] => text.split(spaces).filter((word) => word !== '')

const lineBreak = new RegExp(String.raw`\r\n|[\n\v\f\r\x1c-\x1e\x85\u2028\u2029]`)

/** `str.splitlines()`: the lines without their ends; no empty line after the last end. */
export const splitLines = (text: string): string[] => {
  const lines = text.split(lineBreak)
  if (lines.at(-1) === '') lines.pop()
  return lines
}

/** The number of code points, which is what Python calls the length of a string. */
export const codePoints = (text: string): number => {
  let count = text.length
  for (let i = 1; i < text.length; i++) if (isLowSurrogate(text, i) && isHighSurrogate(text, i - 1)) count--
  return count
}

/** `str.capitalize()`: the first character in title case, the rest in lower case. */
export const capitalize = (text: string): string => {
  const code = text.codePointAt(0)
  if (code === undefined) return ''
  const first = String.fromCodePoint(code)
  // Lower case depends on neighbours (the Greek sigma), so the whole text is lowered, then the first letter cut off.
  return titleCase(first) + text.toLowerCase().slice(first.toLowerCase().length)
}

const digraphs = new Map([...'ǄǅǆǇǈǉǊǋǌǱǲǳ'].map((digraph, i) => [digraph, 'ǅǈǋǲ'[Math.floor(i / 3)]!]))
const IOTA = '\u0399'
const IOTA_BELOW = '\u0345'

/** One character in title case, by Unicode's SpecialCasing: differs from upper case where that has several letters. */
function titleCase(character: string): string {
  const digraph = digraphs.get(character)
  if (digraph !== undefined) return digraph
  if (/^[\u10d0-\u10ff]$/.test(character)) return character
  const upper = [...character.toUpperCase()]
  const [first, ...rest] = upper
  if (first === undefined || rest.length === 0) return upper.join('')
  if (/^[\u1f80-\u1fff]$/.test(character) && rest.at(-1) === IOTA) {
    const withIota = [first, ...rest.slice(0, -1), IOTA_BELOW].join('')
    return rest.length === 1 ? withIota.normalize('NFC') : withIota
  }
  return /^[ß\u0587\ufb00-\ufb17]$/.test(character) ? first + rest.join('').toLowerCase() : upper.join('')
}

const isHighSurrogate = (text: string, at: number) => (text.charCodeAt(at) & 0xfc00) === 0xd800
const isLowSurrogate = (text: string, at: number) => (text.charCodeAt(at) & 0xfc00) === 0xdc00

/** The order in which Python sorts strings. */
export const byCodePoint = (a: string, b: string): number => {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const [x, y] = [a.charCodeAt(i), b.charCodeAt(i)]
    // Surrogates stand for code points above all others.
    if (x !== y) return rank(x) - rank(y)
  }
  return a.length - b.length
}

const rank = (unit: number) => (unit >= 0xd800 && unit < 0xe000 ? unit + 0x10000 : unit)
