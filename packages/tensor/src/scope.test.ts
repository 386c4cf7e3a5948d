import { expect, test } from 'vitest'
import { opError } from './scope.ts'
import { currentScope, withScope } from './index.ts'

const failing = () => {
  throw opError('linear', 'no')
}

test('scopes nest into a dotted path and end with what they enclose', () => {
  expect(withScope('layers.3', () => withScope('mlp', currentScope))).toBe('layers.3.mlp')
  expect(currentScope()).toBe('')
})

test('an error leaves its scope too', () => {
  expect(() => withScope('layers.0', failing)).toThrow('linear in layers.0: no')
  expect(currentScope()).toBe('')
  expect(failing).toThrow(/^linear: no$/)
})
