import { describe, expect, it } from 'vitest'
import recorded from '../../fixtures/python/text.json' with { type: 'json' }
import { readRecord } from '../testing/read-record.ts'
import { capitalize, codePoints, isSpace, lstrip, rstrip, splitLines, splitWords, strip } from './text.ts'

const { units } = readRecord('units') as { units: { python_capitalize: { in: string; out: string }[] } }

describe('strings as Python sees them', () => {
  it('takes the same characters as white space', () => {
    const spaces = Array.from({ length: 0x110000 }, (_, code) => code).filter((code) =>
      isSpace(String.fromCodePoint(code)),
    )
    expect(spaces).toEqual(recorded.spaces)
  })

  it.each(recorded.texts)('strips, splits and capitalises $text', (expected) => {
    const { text } = expected
    expect(strip(text)).toBe(expected.strip)
    expect(lstrip(text)).toBe(expected.lstrip)
    expect(rstrip(text)).toBe(expected.rstrip)
    expect(strip(text, 'a😀 \n')).toBe(expected.strip_chars)
    expect(splitWords(text)).toEqual(expected.split)
    expect(splitLines(text)).toEqual(expected.splitlines)
    expect(capitalize(text)).toBe(expected.capitalize)
    expect(text.toLowerCase()).toBe(expected.lower)
    expect(codePoints(text)).toBe(expected.len)
    expect(isSpace(text)).toBe(expected.isspace)
  })

  it('gives the first letter its title case, where that is not its upper case', () => {
    for (const [character, title] of Object.entries(recorded.titles)) expect(capitalize(character)).toBe(title)
  })

  it('capitalises what the harness recorded', () => {
    expect(units.python_capitalize.map(({ in: text }) => capitalize(text))).toEqual(
      units.python_capitalize.map(({ out }) => out),
    )
  })
})
