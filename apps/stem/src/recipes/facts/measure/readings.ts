import {
  expandText,
  planEdit,
  planOccurrences,
  type EditInput,
  type OccurrencePlan,
  type Strategy,
} from '@stemkit/edit'
import { StemkitError } from '@stemkit/spec/errors'
import type { Question } from './ask.ts'
import type { Reader } from './reader.ts'
import type { RowPool } from './row-pool.ts'

/**
 * What an edit changes: the rows of tokens in the tables, in the input embeddings, or in both; only what the source's
 * positions of the prompt look up in the tables; or the prompt's text as well.
 */
export const CHANGES = ['rows', 'embeddings', 'rows and embeddings', 'occurrences', 'text'] as const
export type Change = (typeof CHANGES)[number]

/** An edit of some tokens, by their ids. */
export interface TokenEdit {
  readonly change: Change
  readonly operation: 'overwrite' | 'swap'
  readonly source: readonly number[]
  readonly target: readonly number[]
  readonly strategy: Strategy
  readonly padId: number
  /** STEM layers, counted from 0. Default: all. */
  readonly layers?: readonly number[]
}

/** How a prompt is read, without what is asked about it. */
export type Reading = Omit<Question, 'tree' | 'answer'>

export const untouched = (prompt: readonly number[]): Reading => ({ embedded: prompt, looked: prompt })

/**
 * How prompts are read after an edit, planned as `@stemkit/edit` plans it.
 * @throws bad-input for an edit that rows cannot express
 */
export function readingOf(reader: Reader, edit: TokenEdit): (prompt: readonly number[]) => Reading {
  const input = inputOf(edit)
  switch (edit.change) {
    case 'rows': {
      const looked = rowsOf(reader, 'tables', input)
      return (prompt) => ({ embedded: prompt, looked: through(prompt, looked), lookedBehind: looked })
    }
    case 'embeddings': {
      const embedded = rowsOf(reader, 'embeddings', input)
      return (prompt) => ({ embedded: through(prompt, embedded), looked: prompt, embeddedBehind: embedded })
    }
    case 'rows and embeddings': {
      const looked = rowsOf(reader, 'tables', input)
      const embedded = rowsOf(reader, 'embeddings', { ...input, layers: 'all' })
      return (prompt) => ({
        embedded: through(prompt, embedded),
        looked: through(prompt, looked),
        embeddedBehind: embedded,
        lookedBehind: looked,
      })
    }
    case 'occurrences':
      return (prompt) => placed(reader, planOccurrences(input, prompt, { table: tableOf(reader, reader.tables) }))
    case 'text':
      return (prompt) => placed(reader, expandText(input, prompt, { table: tableOf(reader, reader.tables) }))
  }
}

/** Whether rows can express an edit. */
export function isPossible(reader: Reader, edit: TokenEdit): boolean {
  try {
    readingOf(reader, edit)
    return true
  } catch (error) {
    if (StemkitError.isInstance(error) && error.code === 'bad-input') return false
    throw error
  }
}

const inputOf = ({ operation, source, target, strategy, padId, layers }: TokenEdit): EditInput => ({
  name: 'facts',
  operation,
  source,
  target,
  strategy: operation === 'swap' ? [strategy, 'copying', 'subset_first'] : strategy,
  padId,
  layers,
})

const tableOf = ({ config }: Reader, { layers, width }: RowPool) => ({
  rows: config.vocabSize,
  layout: { layers, width },
})

/** The row that each token of an edit gets, wherever it stands. */
function rowsOf(reader: Reader, which: 'tables' | 'embeddings', input: EditInput): ReadonlyMap<number, number> {
  const pool = reader[which]
  const { rows, layers } = planEdit(input, { table: tableOf(reader, pool) })
  return new Map(rows.map(({ token, value }) => [token, pool.nameOf(token, value, layers)]))
}

const through = (prompt: readonly number[], rows: ReadonlyMap<number, number>): number[] =>
  prompt.map((token) => rows.get(token) ?? token)

function placed({ tables }: Reader, { inputIds, tableIds, made, layers }: OccurrencePlan): Reading {
  const looked = [...tableIds]
  for (const { position, value } of made) looked[position] = tables.nameOf(inputIds[position]!, value, layers)
  return { embedded: inputIds, looked }
}
