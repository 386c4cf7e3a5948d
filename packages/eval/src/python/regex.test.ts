import { describe, expect, it } from 'vitest'
import recorded from '../../fixtures/python/regex.json' with { type: 'json' }
import { findAll, pythonRegex } from './regex.ts'

describe('pythonRegex', () => {
  it.each(recorded.cases)('finds and removes $pattern as re does', ({ pattern, found, removed }) => {
    const regex = pythonRegex(pattern)
    recorded.texts.forEach((text, i) => {
      expect({ text, found: findAll(regex, text) }).toEqual({ text, found: found[i] })
      expect({ text, removed: text.replaceAll(regex, '') }).toEqual({ text, removed: removed[i] })
    })
  })

  it('takes the flags of re', () => {
    expect(findAll(pythonRegex('A.', 'is'), 'a\nAb')).toEqual(['a\n', 'Ab'])
    expect(findAll(pythonRegex('^a$', 'm'), 'a\na')).toEqual(['a', 'a'])
  })

  it.each([
    ['(?>a)', 'the group (?>a'],
    ['a++', 'a possessive quantifier'],
    ['(?x) a', 'the flag x'],
    ['(?i:a)', 'case ignored in a part only'],
    ['(a', 'is no regular expression'],
    ['a)', 'a bracket too many'],
    ['[a', 'an open class'],
    [String.raw`\y`, String.raw`the escape \y`],
  ])('says what it cannot do with %s', (pattern, message) => {
    expect(() => pythonRegex(pattern)).toThrow(message)
  })
})
