import { isSpace } from '../python/text.ts'

const first = (text: string) => String.fromCodePoint(text.codePointAt(0) ?? 0)
/** White space is in the basic plane: one unit is enough. */
const last = (text: string) => text.slice(-1)

/** Whether a text ends with white space, as Python sees it. */
export const endsWithSpace = (text: string): boolean => isSpace(last(text))

/** Whether nothing but a delimiter would keep two texts apart; not where the first is empty. */
export const needsDelimiter = (prefix: string, suffix: string): boolean =>
  prefix !== '' && !(endsWithSpace(prefix) || (suffix !== '' && isSpace(first(suffix))))

/** Two texts, the delimiter between them where both are there and neither has white space at the seam. */
export function delimit(prefix: string | undefined, suffix: string | undefined, delimiter: string): string {
  if (!prefix) return suffix ?? ''
  if (!suffix) return prefix
  return needsDelimiter(prefix, suffix) ? prefix + delimiter + suffix : prefix + suffix
}
