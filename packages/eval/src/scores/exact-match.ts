import { pythonRegex } from '../python/regex.ts'

/** What is not compared: patterns are removed first, then case, punctuation (of ASCII) and digits. */
export interface ExactMatchOptions {
  readonly regexes_to_ignore?: readonly string[]
  readonly ignore_case?: boolean
  readonly ignore_punctuation?: boolean
  readonly ignore_numbers?: boolean
}

/** 1 where a prediction is the reference, else 0. */
export function exactMatch(prediction: string, reference: string, options: ExactMatchOptions = {}): number {
  return cleaned(prediction, options) === cleaned(reference, options) ? 1 : 0
}

function cleaned(text: string, options: ExactMatchOptions): string {
  const patterns = options.regexes_to_ignore ?? []
  let left = patterns.reduce((rest, pattern) => rest.replaceAll(compiled(pattern), ''), text)
  if (options.ignore_case) left = left.toLowerCase()
  if (options.ignore_punctuation) left = left.replaceAll(/[!-/:-@[-`{-~]/g, '')
  if (options.ignore_numbers) left = left.replaceAll(/[0-9]/g, '')
  return left
}

const patterns = new Map<string, RegExp>()

function compiled(pattern: string): RegExp {
  const known = patterns.get(pattern) ?? pythonRegex(pattern)
  patterns.set(pattern, known)
  return known
}
