import { StemkitError } from '@stemkit/spec/errors'
import { pythonStr } from '../python/repr.ts'
import { templateFilters } from './template-filters.ts'
import { pythonMethod } from './template-methods.ts'
import { attributeOf, compare, isTruthy, itemOf, sliceOf, valuesEqual } from './template-values.ts'

/** A node of the parser's syntax tree; which fields it has depends on its type. */
export interface TemplateNode {
  readonly type: string
  readonly [field: string]: unknown
}

/** Names and their values. */
export type Scope = Map<string, unknown>

/** The value of an expression. */
export function value(expression: unknown, scope: Scope): unknown {
  const node = expression as TemplateNode
  switch (node.type) {
    case 'StringLiteral':
    case 'IntegerLiteral':
      return node.value
    case 'ArrayLiteral':
    case 'TupleLiteral':
      return nodes(node.value).map((item) => value(item, scope))
    case 'ObjectLiteral':
      return Object.fromEntries(
        [...(node.value as Map<unknown, unknown>)].map(([key, item]) => [
          pythonStr(value(key, scope)),
          value(item, scope),
        ]),
      )
    case 'Identifier':
      return lookUp(String(node.value), scope)
    case 'MemberExpression':
      return member(node, scope)
    case 'CallExpression':
      return call(node, scope)
    case 'FilterExpression':
      return applyFilter(node, scope)
    case 'TestExpression':
      return test(node, scope)
    case 'BinaryExpression':
      return binary(node, scope)
    case 'UnaryExpression':
      return unary(node, scope)
    case 'Ternary':
      return value(isTruthy(value(node.condition, scope)) ? node.trueExpr : node.falseExpr, scope)
    case 'SelectExpression':
      return isTruthy(value(node.test, scope)) ? value(node.lhs, scope) : ''
    default:
      throw unsupported(node.type)
  }
}

function lookUp(name: string, scope: Scope): unknown {
  if (scope.has(name)) return scope.get(name)
  if (name in constants) return constants[name]
  throw new StemkitError('bad-input', `${name} is undefined; the row has ${[...scope.keys()].join(', ')}`)
}

const constants: Readonly<Record<string, unknown>> = {
  true: true,
  True: true,
  false: false,
  False: false,
  none: null,
  None: null,
}

function member(node: TemplateNode, scope: Scope): unknown {
  const object = value(node.object, scope)
  const property = node.property as TemplateNode
  if (property.type === 'SliceExpression') {
    const bound = (part: unknown) => (part ? (value(part, scope) as number) : undefined)
    return sliceOf(object, bound(property.start), bound(property.stop), bound(property.step))
  }
  return node.computed ? itemOf(object, value(property, scope)) : attributeOf(object, String(property.value))
}

function call(node: TemplateNode, scope: Scope): unknown {
  const callee = node.callee as TemplateNode
  const { positional, named } = argumentsOf(node.args, scope)
  if (callee.type === 'MemberExpression' && !callee.computed) {
    const object = value(callee.object, scope)
    return pythonMethod(object, String((callee.property as TemplateNode).value), positional, named)
  }
  if (callee.type === 'Identifier' && callee.value === 'range') {
    const [start, stop, step] = (positional.length === 1 ? [0, positional[0], 1] : [...positional, 1]) as number[]
    return Array.from({ length: Math.max(0, Math.ceil((stop! - start!) / step!)) }, (_, i) => start! + i * step!)
  }
  throw unsupported(`a call of ${String(callee.value ?? callee.type)}`)
}

function argumentsOf(args: unknown, scope: Scope): { positional: unknown[]; named: Record<string, unknown> } {
  const positional: unknown[] = []
  const named: Record<string, unknown> = {}
  for (const argument of nodes(args)) {
    if (argument.type === 'KeywordArgumentExpression') named[nameOf(argument.key)] = value(argument.value, scope)
    else positional.push(value(argument, scope))
  }
  return { positional, named }
}

function applyFilter(node: TemplateNode, scope: Scope): unknown {
  const filter = node.filter as TemplateNode
  const name = nameOf(filter.type === 'CallExpression' ? filter.callee : filter)
  const { positional, named } = argumentsOf(filter.args ?? [], scope)
  if (name === 'default' || name === 'd') {
    const known = isDefined(node.operand, scope)
    return known ? value(node.operand, scope) : (positional[0] ?? '')
  }
  const apply = Object.hasOwn(templateFilters, name) ? templateFilters[name] : undefined
  if (!apply) throw unsupported(`the filter ${name}`)
  return apply(value(node.operand, scope), positional, named)
}

function isDefined(expression: unknown, scope: Scope): boolean {
  try {
    value(expression, scope)
    return true
  } catch (error) {
    if (StemkitError.isInstance(error) && error.code === 'bad-input') return false
    throw error
  }
}

function test(node: TemplateNode, scope: Scope): boolean {
  const name = nameOf(node.test)
  if (name === 'defined' || name === 'undefined')
    return (isDefined(node.operand, scope) === (name === 'defined')) !== node.negate
  const operand = value(node.operand, scope)
  const apply = Object.hasOwn(tests, name) ? tests[name] : undefined
  if (!apply) throw unsupported(`the test ${name}`)
  return apply(operand) !== node.negate
}

const tests: Readonly<Record<string, (operand: unknown) => boolean>> = {
  none: (operand) => operand === null,
  string: (operand) => typeof operand === 'string',
  number: (operand) => typeof operand === 'number',
  integer: (operand) => typeof operand === 'number' && Number.isInteger(operand),
  boolean: (operand) => typeof operand === 'boolean',
  mapping: (operand) => typeof operand === 'object' && operand !== null && !Array.isArray(operand),
  iterable: (operand) => typeof operand === 'string' || (typeof operand === 'object' && operand !== null),
  sequence: (operand) => typeof operand === 'string' || (typeof operand === 'object' && operand !== null),
  odd: (operand) => Math.abs(Number(operand)) % 2 === 1,
  even: (operand) => Number(operand) % 2 === 0,
  true: (operand) => operand === true,
  false: (operand) => operand === false,
}

function unary(node: TemplateNode, scope: Scope): unknown {
  const operand = value(node.argument, scope)
  const { value: operator } = node.operator as { value: string }
  if (operator === 'not') return !isTruthy(operand)
  return operator === '-' ? -Number(operand) : Number(operand)
}

function binary(node: TemplateNode, scope: Scope): unknown {
  const { value: operator } = node.operator as { value: string }
  const left = value(node.left, scope)
  if (operator === 'and') return isTruthy(left) ? value(node.right, scope) : left
  if (operator === 'or') return isTruthy(left) ? left : value(node.right, scope)
  const right = value(node.right, scope)
  switch (operator) {
    case '==':
      return valuesEqual(left, right)
    case '!=':
      return !valuesEqual(left, right)
    case '<':
      return compare(left, right) < 0
    case '>':
      return compare(left, right) > 0
    case '<=':
      return compare(left, right) <= 0
    case '>=':
      return compare(left, right) >= 0
    case 'in':
      return contains(right, left)
    case 'not in':
      return !contains(right, left)
    case '~':
      return pythonStr(left) + pythonStr(right)
    default:
      return arithmetic(operator, left, right)
  }
}

function contains(container: unknown, item: unknown): boolean {
  if (typeof container === 'string') return container.includes(String(item))
  if (Array.isArray(container)) return container.some((element) => valuesEqual(element, item))
  return typeof container === 'object' && container !== null && Object.hasOwn(container, String(item))
}

function arithmetic(operator: string, left: unknown, right: unknown): unknown {
  if (operator === '+' && typeof left === 'string' && typeof right === 'string') return left + right
  if (operator === '+' && Array.isArray(left) && Array.isArray(right)) return [...left, ...right]
  if (operator === '*' && typeof left === 'string' && typeof right === 'number') return left.repeat(Math.max(0, right))
  if (typeof left === 'number' && typeof right === 'number') {
    if (operator === '+') return left + right
    if (operator === '-') return left - right
    if (operator === '*') return left * right
    if (operator === '//') return Math.floor(left / right)
    if (operator === '%') return left - right * Math.floor(left / right)
  }
  // A quotient is a float in Python and prints as one; JSON does not tell 2.0 from 2.
  throw unsupported(`${typeof left} ${operator} ${typeof right}`)
}

export const nodes = (list: unknown): readonly TemplateNode[] => list as readonly TemplateNode[]
export const nameOf = (node: unknown): string => String((node as TemplateNode).value)
const unsupported = (what: string) => new StemkitError('unsupported', `templates here do not know ${what}`)
