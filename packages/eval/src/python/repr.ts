import { StemkitError } from '@stemkit/spec/errors'

/**
 * `str(value)` of a value as Python's `json` would have read it: text as it is, everything else as `repr`.
 * A safe integer is an integer, since JavaScript does not tell 1.0 from 1; use `floatRepr` where it is a float.
 * Throws on what JSON cannot hold.
 */
export const pythonStr = (value: unknown): string => (typeof value === 'string' ? value : pythonRepr(value))

/** `repr(value)`, under the rules of `pythonStr`. */
export function pythonRepr(value: unknown): string {
  if (value === null) return 'None'
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  if (typeof value === 'string') return stringRepr(value)
  if (typeof value === 'bigint') return String(value)
  if (typeof value === 'number') return isInteger(value) ? String(value) : floatRepr(value)
  if (Array.isArray(value)) return `[${value.map(pythonRepr).join(', ')}]`
  if (typeof value === 'object') {
    const entries = Object.entries(value).map(([key, item]) => `${stringRepr(key)}: ${pythonRepr(item)}`)
    return `{${entries.join(', ')}}`
  }
  throw new StemkitError('bad-input', `a ${typeof value} has no form in Python; values must be those of JSON`)
}

const isInteger = (value: number) => Number.isSafeInteger(value) && !Object.is(value, -0)

/** `repr` of a float: the shortest digits that give it back, with an exponent below 1e-4 and from 1e16 on. */
export function floatRepr(value: number): string {
  if (Number.isNaN(value)) return 'nan'
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf'
  if (Object.is(value, -0)) return '-0.0'
  const [digits, power] = value.toExponential().split('e') as [string, string]
  const exponent = Number(power)
  if (exponent < -4 || exponent >= 16) {
    return `${digits}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`
  }
  if (exponent < 0) {
    const sign = value < 0 ? '-' : ''
    return `${sign}0.${'0'.repeat(-exponent - 1)}${digits.replace(/[-.]/g, '')}`
  }
  const plain = String(value)
  return plain.includes('.') ? plain : `${plain}.0`
}

const named = new Map([
  ['\\', String.raw`\\`],
  ['\n', String.raw`\n`],
  ['\r', String.raw`\r`],
  ['\t', String.raw`\t`],
])

/** Single quotes, unless the text has one and no double quote; what cannot be printed is escaped. */
function stringRepr(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'"
  let body = ''
  for (const character of text) {
    const short = named.get(character)
    if (short !== undefined) body += short
    else if (character === quote) body += `\\${character}`
    else if (character !== ' ' && /[\p{C}\p{Z}]/u.test(character)) body += escaped(character.codePointAt(0) ?? 0)
    else body += character
  }
  return quote + body + quote
}

function escaped(code: number): string {
  const hex = code.toString(16)
  if (code < 0x100) return `\\x${hex.padStart(2, '0')}`
  return code < 0x10000 ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`
}
