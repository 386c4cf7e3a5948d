/** A piece of HTML that is known to be safe. Only `html` and `raw` make one. */
export class Html {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

type Insertable = string | number | Html | undefined | false | readonly Insertable[]

/** Markup as a template: what is inserted is escaped unless it is `Html`; undefined and false insert nothing. */
export function html(parts: TemplateStringsArray, ...values: readonly Insertable[]): Html {
  return new Html(parts.reduce((text, part, index) => text + insert(values[index - 1]) + part))
}

/** Text that is markup already. */
export const raw = (text: string): Html => new Html(text)

function insert(value: Insertable): string {
  if (value === undefined || value === false) return ''
  if (value instanceof Html) return value.text
  if (typeof value === 'object') return value.map(insert).join('')
  return escapeText(String(value))
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Text as it can stand between tags or in a quoted attribute, of HTML or SVG. */
export const escapeText = (text: string): string =>
  printable(text).replace(/[&<>"']/g, (character) => ENTITIES[character]!)

/**
 * Text without what a page must not hold: half surrogates and code points that are no characters become U+FFFD, control
 * characters visible signs.
 */
export const printable = (text: string): string =>
  text
    .toWellFormed()
    .replace(/\r\n?/g, '\n')
    .replace(/(?![\n\t])\p{Cc}|\p{Noncharacter_Code_Point}/gu, (character) => signOf(character.codePointAt(0)!))

const signOf = (code: number): string =>
  code < 0x20 ? String.fromCharCode(0x2400 + code) : code === 0x7f ? '\u2421' : '\uFFFD'
