import { StemkitError } from '@stemkit/spec/errors'
import { pythonStr } from '../python/repr.ts'
import type { Row } from '../tasks/rows.ts'
import { nameOf, nodes, value, type Scope, type TemplateNode } from './template-expressions.ts'
import { isTruthy } from './template-values.ts'

class Stop extends Error {
  readonly kind: 'Break' | 'Continue'
  constructor(kind: 'Break' | 'Continue') {
    super(kind)
    this.kind = kind
  }
}

/** The text of a parsed template. Throws where a name is undefined or something is not supported. */
export function evaluateTemplate(program: TemplateNode, row: Row): string {
  return renderAll(nodes(program.body), new Map(Object.entries(row)))
}

const renderAll = (body: readonly TemplateNode[], scope: Scope): string =>
  body.map((node) => render(node, scope)).join('')

function render(node: TemplateNode, scope: Scope): string {
  switch (node.type) {
    case 'Comment':
      return ''
    case 'If':
      return renderAll(nodes(isTruthy(value(node.test, scope)) ? node.body : node.alternate), scope)
    case 'For':
      return renderLoop(node, scope)
    case 'Set':
      scope.set(nameOf(node.assignee), node.value ? value(node.value, scope) : renderAll(nodes(node.body), scope))
      return ''
    case 'Break':
    case 'Continue':
      throw new Stop(node.type)
    default:
      return pythonStr(value(node, scope))
  }
}

function renderLoop(node: TemplateNode, scope: Scope): string {
  const items = iterate(value(node.iterable, scope))
  if (items.length === 0) return renderAll(nodes(node.defaultBlock), scope)
  const loopvar = node.loopvar as TemplateNode
  let text = ''
  for (const [index, item] of items.entries()) {
    const inner: Scope = new Map(scope)
    inner.set('loop', loopFields(index, items.length))
    if (loopvar.type === 'TupleLiteral') {
      const parts = iterate(item)
      for (const [at, name] of nodes(loopvar.value).entries()) inner.set(nameOf(name), parts[at])
    } else inner.set(nameOf(loopvar), item)
    try {
      text += renderAll(nodes(node.body), inner)
    } catch (error) {
      if (!(error instanceof Stop)) throw error
      if (error.kind === 'Break') break
    }
  }
  return text
}

const loopFields = (index: number, length: number) => ({
  index: index + 1,
  index0: index,
  revindex: length - index,
  revindex0: length - index - 1,
  first: index === 0,
  last: index === length - 1,
  length,
})

function iterate(items: unknown): readonly unknown[] {
  if (Array.isArray(items)) return items
  if (typeof items === 'string') return [...items]
  if (typeof items === 'object' && items !== null) return Object.keys(items)
  throw new StemkitError('bad-input', `a loop over ${pythonStr(items)}, which has no items`)
}
