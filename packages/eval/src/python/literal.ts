import { StemkitError } from '@stemkit/spec/errors'

/**
 * `ast.literal_eval`: the value of a Python literal made of strings, numbers, lists, tuples, sets, dicts with text keys, None, True and
 * False. Tuples and sets become arrays, dicts objects, integers too large for a number bigints. Throws where the text is anything else.
 * Not read: bytes, f-strings, complex numbers and characters by name (`\N{...}`).
 */
export function literalEval(text: string): unknown {
  const reader = new LiteralReader(text.replace(/^[ \t]+/, ''))
  return reader.readAll()
}

const numeral =
  /0[xX](?:_?[\da-fA-F])+|0[oO](?:_?[0-7])+|0[bB](?:_?[01])+|(?:\d(?:_?\d)*)?\.\d(?:_?\d)*(?:[eE][+-]?\d(?:_?\d)*)?|\d(?:_?\d)*(?:\.(?:[eE][+-]?\d(?:_?\d)*)?|[eE][+-]?\d(?:_?\d)*)?/y
const opening = /([rRuU]?)('''|"""|'|")/y
const space = /(?:[ \t\f\n\r]|\\\r?\n|#[^\n]*)+/y
const names = new Map<string, unknown>([
  ['None', null],
  ['True', true],
  ['False', false],
])

class LiteralReader {
  private at = 0
  private readonly text: string

  constructor(text: string) {
    this.text = text
  }

  readAll(): unknown {
    const value = this.valueOrTuple()
    this.skipSpace()
    if (this.at < this.text.length) this.fail()
    return value
  }

  /** A value, or several with commas between them, which are a tuple without its brackets. */
  private valueOrTuple(): unknown {
    const first = this.value()
    if (!this.take(',')) return first
    const items = [first]
    while (this.skipSpace() < this.text.length) {
      items.push(this.value())
      if (!this.take(',')) break
    }
    return items
  }

  private value(): unknown {
    this.skipSpace()
    const character = this.text[this.at] ?? ''
    if (this.take('[')) return this.items(']').items
    if (this.take('(')) return this.parenthesised()
    if (this.take('{')) return this.braced()
    if (character === '-' || character === '+') return this.signed()
    const word = this.match(/(?:None|True|False)(?![\w'"])/y)
    if (word) return names.get(word[0])
    return this.strings() ?? this.number()
  }

  private signed(): unknown {
    const negative = this.text[this.at++] === '-'
    this.skipSpace()
    const value = this.number()
    return negative && value !== 0 ? -value : value
  }

  private items(end: string): { items: unknown[]; comma: boolean } {
    const items: unknown[] = []
    let comma = false
    while (!this.take(end)) {
      if (items.length > 0 && !comma) this.fail()
      items.push(this.value())
      comma = this.take(',')
    }
    return { items, comma }
  }

  private parenthesised(): unknown {
    const { items, comma } = this.items(')')
    return items.length === 1 && !comma ? items[0] : items
  }

  private braced(): unknown {
    if (this.take('}')) return {}
    const first = this.value()
    if (!this.take(':')) {
      if (this.take('}')) return [first]
      if (!this.take(',')) this.fail()
      return [first, ...this.items('}').items]
    }
    const entries: [string, unknown][] = []
    let key = first
    while (true) {
      if (typeof key !== 'string') this.fail()
      else entries.push([key, this.value()])
      const comma = this.take(',')
      if (this.take('}')) return Object.fromEntries(entries)
      if (!comma) this.fail()
      key = this.value()
      if (!this.take(':')) this.fail()
    }
  }

  /** Strings beside each other are one. Undefined where there is none. */
  private strings(): string | undefined {
    let joined: string | undefined
    for (let start = this.match(opening); start; start = this.match(opening)) {
      joined = (joined ?? '') + this.stringBody(start[2] ?? '', /r/i.test(start[1] ?? ''))
      this.skipSpace()
    }
    return joined
  }

  private stringBody(quote: string, raw: boolean): string {
    let body = ''
    while (!this.text.startsWith(quote, this.at)) {
      const character = this.text[this.at] ?? this.fail()
      if (character === '\n' && quote.length === 1) this.fail()
      if (character !== '\\') {
        body += character
        this.at++
      } else if (raw) {
        body += this.text.slice(this.at, this.at + 2)
        this.at += 2
      } else body += this.escape()
    }
    this.at += quote.length
    return body
  }

  private escape(): string {
    const numbered = this.match(/\\(?:x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8}))/y)
    if (numbered) {
      const code = Number.parseInt(numbered[1] ?? numbered[2] ?? numbered[3] ?? '', 16)
      return code <= 0x10ffff ? String.fromCodePoint(code) : this.fail()
    }
    const octal = this.match(/\\([0-7]{1,3})/y)
    if (octal) return String.fromCodePoint(Number.parseInt(octal[1] ?? '', 8))
    const short = this.match(/\\([\\'"abfnrtv\n])/y)
    if (short) return short[1] === '\n' ? '' : (shortEscapes[short[1] ?? ''] ?? short[1] ?? '')
    if (/^\\[xuUN]/.test(this.text.slice(this.at, this.at + 2))) this.fail()
    // An escape that Python does not know stays as it is.
    this.at++
    return '\\'
  }

  private number(): number | bigint {
    const [digits] = this.match(numeral) ?? this.fail()
    if (/^0[\d_]*[1-9]/.test(digits) && /^[\d_]+$/.test(digits)) this.fail()
    if (/[\w.]/.test(this.text[this.at] ?? '')) this.fail()
    const plain = digits.replaceAll('_', '')
    if (/[.eE]/.test(plain) && !/^0[xX]/.test(plain)) return Number(plain)
    const integer = BigInt(plain)
    return integer <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(integer) : integer
  }

  private match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.at
    const found = pattern.exec(this.text)
    if (found) this.at += found[0].length
    return found
  }

  private take(character: string): boolean {
    this.skipSpace()
    if (this.text[this.at] !== character) return false
    this.at++
    return true
  }

  private skipSpace(): number {
    this.match(space)
    return this.at
  }

  private fail(): never {
    const near = JSON.stringify(this.text.slice(this.at, this.at + 20))
    throw new StemkitError(
      'bad-input',
      `not a Python literal: character ${this.at} of ${this.text.length}, near ${near}`,
    )
  }
}

const shortEscapes: Record<string, string> = { a: '\x07', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' }
