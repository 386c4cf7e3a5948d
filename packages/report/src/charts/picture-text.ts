import { printable } from '../html.ts'

const WORD_JOINER = '\u2060'

/**
 * Text that the renderer can be given, on one line. Its cache of text widths is a plain object: asked for `__proto__` or
 * `constructor` it takes what every object inherits for an entry, and writes to it. An invisible character makes such a
 * word one like any other.
 */
export function pictureText(text: string): string {
  const line = printable(text).replace(/\s+/g, ' ')
  return line in Object.prototype ? line + WORD_JOINER : line
}
