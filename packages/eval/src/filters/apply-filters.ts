import { StemkitError } from '@stemkit/spec/errors'
import { didYouMean } from '../tasks/nearest.ts'
import type { FilteredAnswer, Processors } from '../tasks/processors.ts'
import type { Row } from '../tasks/rows.ts'
import type { FilterEntry } from '../tasks/task-definition.ts'
import { builtInFilters } from './built-in-filters.ts'

/** What the steps of a filter leave of the answers to one request, of which there are as many as the task repeats it. */
export function applyFilter(
  entry: FilterEntry,
  answers: readonly unknown[],
  row: Row,
  processors: Processors,
): FilteredAnswer {
  return entry.filter.reduce<FilteredAnswer>((left, { function: name, ...options }) => {
    const filter =
      processors.filters?.[name] ?? (Object.hasOwn(builtInFilters, name) ? builtInFilters[name] : undefined)
    if (!filter) throw unknownFilter(name, processors)
    if (!Array.isArray(left))
      throw new StemkitError('bad-input', `filter ${entry.name}: nothing can follow the step before ${name}`)
    return filter(left, options, row)
  }, answers)
}

function unknownFilter(name: string, processors: Processors): StemkitError {
  const known = [...Object.keys(builtInFilters), ...Object.keys(processors.filters ?? {})]
  return new StemkitError('not-found', `no filter is called ${name}${didYouMean(name, known)}`)
}
