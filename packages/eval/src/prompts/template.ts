import { parse, tokenize } from '@huggingface/jinja'
import { StemkitError } from '@stemkit/spec/errors'
import type { Row } from '../tasks/rows.ts'
import { evaluateTemplate } from './template-evaluator.ts'
import type { TemplateNode } from './template-expressions.ts'

const parsed = new Map<string, TemplateNode>()

/**
 * Renders a Jinja template over the columns of a row, as lm-evaluation-harness does: undefined names are errors, a newline at the end
 * is kept, values print as Python prints them, and strings, lists and dicts have Python's methods.
 */
export function renderTemplate(template: string, row: Row): string {
  // Most texts are plain.
  if (!template.includes('{')) return template.replaceAll(/\r\n?/g, '\n')
  try {
    return evaluateTemplate(parseTemplate(template), row)
  } catch (error) {
    if (StemkitError.isInstance(error)) throw new StemkitError(error.code, `${shown(template)}: ${error.message}`)
    throw error
  }
}

function parseTemplate(template: string): TemplateNode {
  let program = parsed.get(template)
  if (!program) {
    try {
      // Of a final newline the parser drops one, of which Jinja would keep it.
      program = parse(tokenize(`${template.replaceAll(/\r\n?/g, '\n')}\n`)) as unknown as TemplateNode
    } catch (error) {
      throw new StemkitError('bad-input', `not a Jinja template (${(error as Error).message})`, { cause: error })
    }
    parsed.set(template, program)
  }
  return program
}

const shown = (template: string) =>
  `template ${JSON.stringify(template.length > 60 ? `${template.slice(0, 60)}...` : template)}`
