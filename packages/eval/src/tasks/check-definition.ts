import { StemkitError } from '@stemkit/spec/errors'
import * as z from 'zod'
import { didYouMean } from './nearest.ts'
import { groupDefinition, taskDefinition, type GroupDefinition, type TaskDefinition } from './task-definition.ts'

export type Definition = TaskDefinition | GroupDefinition

export const isGroup = (definition: Definition): definition is GroupDefinition => 'group' in definition

/**
 * Checks a task or a group that was read from a file. Fields that are null count as absent. Throws with the file, the field and the
 * nearest known name.
 * @param where names the file in messages
 */
export function checkDefinition(value: unknown, where: string): Definition {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new StemkitError(
      'bad-input',
      `${where}: a task is a mapping with the key task, a group one with the key group`,
    )
  }
  const fields = Object.fromEntries(Object.entries(value).filter(([, field]) => field !== null))
  if (!('task' in fields || 'group' in fields)) {
    throw new StemkitError('bad-input', `${where}: neither task nor group is named`)
  }
  const schema = 'group' in fields ? groupDefinition : taskDefinition
  const result = schema.safeParse(fields)
  if (result.success) return result.data as Definition
  const issue = result.error.issues[0] as z.core.$ZodIssue
  throw new StemkitError('bad-input', `${where}: ${explain(issue, schema.shape)}`)
}

function explain(issue: z.core.$ZodIssue, shape: Readonly<Record<string, unknown>>): string {
  const at = issue.path.join('.')
  if (issue.code === 'unrecognized_keys') {
    const key = issue.keys[0] ?? ''
    const known = at === '' ? Object.keys(shape) : []
    return `unknown field ${at === '' ? key : `${at}.${key}`}${didYouMean(key, known)}`
  }
  return `${at}: ${issue.message}`
}
