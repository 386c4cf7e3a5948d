import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import recorded from '../../fixtures/python/text.json' with { type: 'json' }
import { literalEval } from './literal.ts'
import { pythonRepr } from './repr.ts'

const withBig = (value: unknown) =>
  typeof value === 'object' && value !== null && 'big' in value ? BigInt(String(value.big)) : value

describe('literalEval', () => {
  it.each(recorded.literals.filter(({ valid }) => valid))('reads $text', ({ text, value }) => {
    expect(literalEval(text)).toEqual(withBig(value))
  })

  it.each(recorded.literals.filter(({ valid }) => !valid))('refuses $text', ({ text }) => {
    expect(() => literalEval(text)).toThrow('not a Python literal')
  })

  it('reads back what repr writes', () => {
    const value = fc.jsonValue().filter((json) => !JSON.stringify(json).includes('__proto__'))
    fc.assert(
      fc.property(value, (json) => {
        expect(literalEval(pythonRepr(json))).toEqual(JSON.parse(JSON.stringify(json)))
      }),
    )
  })
})
