import type { z } from '@hono/zod-openapi'
import type { HTTPException } from 'hono/http-exception'
import { badRequest } from '../api-error.ts'

/** The first thing that a schema has against a request, in one line with the field that it is about. */
export function explainIssues({ issues }: z.ZodError): HTTPException {
  const [issue] = issues
  if (issue === undefined) return badRequest('The request makes no sense.')
  if (issue.code === 'unrecognized_keys') {
    const key = [...issue.path, issue.keys[0] ?? ''].join('.').slice(0, 100)
    return badRequest(`Unrecognized request argument supplied: ${key}`, key, 'unknown_parameter')
  }
  const param = pathOf(issue.path)
  const message = `${issue.message[0]?.toUpperCase() ?? ''}${issue.message.slice(1)}`
  return badRequest(
    param === '' || message.includes(param) ? `${message}.` : `${message} (${param}).`,
    param || undefined,
  )
}

/** messages[0].content */
function pathOf(path: readonly PropertyKey[]): string {
  let text = ''
  for (const key of path) text += typeof key === 'number' ? `[${key}]` : `${text === '' ? '' : '.'}${String(key)}`
  return text.slice(0, 200)
}
