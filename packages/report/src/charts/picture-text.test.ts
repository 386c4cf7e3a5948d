import { afterEach, describe, expect, test } from 'vitest'
import { renderReport } from '../index.ts'
import { reportSaying } from '../testing/sections.ts'
import { pictureText } from './picture-text.ts'

/** Everything that can be reached from any object, with what hangs on it. */
const inherited = (): string[] =>
  Object.getOwnPropertyNames(Object.prototype).flatMap((name) => {
    const { value } = Object.getOwnPropertyDescriptor(Object.prototype, name)!
    return [name, ...Object.getOwnPropertyNames(value ?? {}).map((each) => `${name}.${each}`)]
  })

const before = inherited()
const words = Object.getOwnPropertyNames(Object.prototype)

describe('names that every object has', () => {
  afterEach(() => {
    for (const name of Object.keys(Object.prototype)) Reflect.deleteProperty(Object.prototype, name)
  })

  test.each(words)('%s: a report that shows it changes no object', (word) => {
    renderReport(reportSaying(word))
    expect(inherited()).toEqual(before)
  })
})

test('a text is shown on one line, and otherwise as it is', () => {
  expect(pictureText('a\n  b')).toBe('a b')
  expect(pictureText('prototype')).toBe('prototype')
})
