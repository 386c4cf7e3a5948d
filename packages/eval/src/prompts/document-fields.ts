import { StemkitError } from '@stemkit/spec/errors'
import { literalEval } from '../python/literal.ts'
import { pythonStr } from '../python/repr.ts'
import type { Processors } from '../tasks/processors.ts'
import type { Row } from '../tasks/rows.ts'
import type { ChoiceField, TargetField, TextField } from '../tasks/task-definition.ts'
import { renderTemplate } from './template.ts'

/** What fields of a task are read with. */
export interface FieldContext {
  readonly processors: Processors
  /** Columns of the evaluated split: a field that is the name of one of them is its value. */
  readonly columns: ReadonlySet<string>
  /** A text of digits is a position among the choices. */
  readonly hasChoices: boolean
}

/** The question of a row; a number is a position among the choices, of which each then is a question of its own. */
export function textOf(field: TextField, row: Row, context: FieldContext): string | number {
  if (typeof field === 'number') return field
  if (typeof field !== 'string') return processed(field.processor, row, context) as string | number
  if (context.columns.has(field)) return row[field] as string | number
  const text = renderTemplate(field, row)
  return context.hasChoices && isDigits(text) ? position(text) : text
}

/** The answer of a row: text, a position among the choices, or a list of either. */
export function targetOf(field: TargetField, row: Row, context: FieldContext): unknown {
  if (typeof field === 'number' || Array.isArray(field)) return field
  if (typeof field !== 'string') return processed(field.processor, row, context)
  if (context.columns.has(field)) return row[field]
  const text = renderTemplate(field, row)
  if (context.hasChoices && isDigits(text)) return position(text)
  if (text.length < 2 || !text.startsWith('[') || !text.endsWith(']')) return text
  try {
    return literalEval(text)
  } catch {
    return text
  }
}

/** The choices of a row. */
export function choicesOf(field: ChoiceField, row: Row, context: FieldContext): readonly string[] {
  const choices = rawChoices(field, row, context)
  if (Array.isArray(choices) && choices.every((choice) => typeof choice === 'string')) return choices
  throw new StemkitError('bad-input', `doc_to_choice gives ${pythonStr(choices)}; it must be a list of texts`)
}

function rawChoices(field: ChoiceField, row: Row, context: FieldContext): unknown {
  if (Array.isArray(field)) return field
  if (typeof field !== 'string')
    return isProcessor(field) ? processed(field.processor, row, context) : Object.values(field)
  return context.columns.has(field) ? row[field] : literalEval(renderTemplate(field, row))
}

/** Where the evaluated document's answer begins, if it does; a text for the model to continue. */
export function genPrefixOf(field: string | undefined, row: Row, { columns }: FieldContext): string | undefined {
  if (field === undefined) return undefined
  return columns.has(field) ? String(row[field]) : renderTemplate(field, row)
}

/** A column of this very row, or a template; undefined where the field is empty. */
export const ownFieldOf = (field: string | undefined, row: Row): string | undefined => {
  if (!field) return undefined
  return Object.hasOwn(row, field) ? String(row[field]) : renderTemplate(field, row)
}

const isProcessor = (field: object): field is { processor: string } =>
  Object.keys(field).length === 1 && 'processor' in field

function processed(name: string, row: Row, { processors }: FieldContext): unknown {
  const processor = processors.fields?.[name]
  if (!processor) throw new StemkitError('not-found', `no processor of fields is called ${name}`)
  return processor(row)
}

const isDigits = (text: string) => /^\p{Nd}+$/u.test(text)
const position = (digits: string) => literalEval(digits) as number
