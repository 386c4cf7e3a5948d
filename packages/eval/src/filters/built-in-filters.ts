import { StemkitError } from '@stemkit/spec/errors'
import { findAll, pythonRegex } from '../python/regex.ts'
import { strip } from '../python/text.ts'
import type { Processors } from '../tasks/processors.ts'

const INVALID = '[invalid]'
const DEFAULT_PATTERN = String.raw`#### (\-?[0-9\.\,]+)`

/** Filters by their names in lm-evaluation-harness. Each takes all answers to one request. */
export const builtInFilters: NonNullable<Processors['filters']> = {
  take_first: ([first]) => first,
  take_first_k(answers, { k }) {
    if (answers.length >= Number(k)) return answers.slice(0, Number(k))
    throw new StemkitError(
      'bad-input',
      `take_first_k: ${String(k)} answers are needed and there are ${answers.length}; raise repeats`,
    )
  },
  majority_vote: (answers) => [mostFrequent(answers)],
  regex(answers, { regex_pattern, group_select = 0, fallback = INVALID }) {
    const pattern = pythonRegex(String(regex_pattern ?? DEFAULT_PATTERN))
    return answers.map((answer) => extract(pattern, answer, Number(group_select)) ?? fallback)
  },
  remove_whitespace: (answers) => texts(answers).map((text) => strip(text)),
  lowercase: (answers) => texts(answers).map((text) => text.toLowerCase()),
  uppercase: (answers) => texts(answers).map((text) => text.toUpperCase()),
  map(answers, { mapping_dict = {}, default_value = null }) {
    const mapping = mapping_dict as Record<string, unknown>
    return answers.map((answer) => (Object.hasOwn(mapping, String(answer)) ? mapping[String(answer)] : default_value))
  },
}

/** The match that `select` picks of all, without white space around it; of several groups, the first that is not empty. */
function extract(pattern: RegExp, answer: unknown, select: number): string | undefined {
  const matches = findAll(pattern, typeof answer === 'string' ? answer : '')
  if (matches.length === 0) return undefined
  const match = matches.at(select)
  if (match === undefined) {
    throw new StemkitError('bad-input', `regex: group_select is ${select} and there are ${matches.length} matches`)
  }
  const text = Array.isArray(match) ? match.find((group) => group !== '') : match
  return text === undefined ? undefined : strip(text)
}

/** The first to come among those that come most often. */
function mostFrequent(answers: readonly unknown[]): unknown {
  const counts = new Map<unknown, number>()
  for (const answer of answers) counts.set(answer, (counts.get(answer) ?? 0) + 1)
  let best: unknown
  for (const [answer, count] of counts) if (count > (counts.get(best) ?? 0)) best = answer
  return best
}

const texts = (answers: readonly unknown[]) => answers.map(String)
