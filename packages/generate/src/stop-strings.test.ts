import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { createStopStrings } from './stop-strings.ts'

/** Everything that comes out of `pieces`, and whether it was stopped. */
function through(stops: readonly string[], pieces: readonly string[]): { text: string; stopped: boolean } {
  const filter = createStopStrings(stops)
  let text = ''
  for (const piece of pieces) {
    const found = filter.push(piece)
    text += found.text
    if (found.stopped) return { text, stopped: true }
  }
  return { text: text + filter.flush(), stopped: false }
}

test('a stop string is found across pieces and left out', () => {
  expect(through(['END'], ['one E', 'N', 'D two'])).toEqual({ text: 'one ', stopped: true })
})

test('text that only looked like a stop string comes out', () => {
  expect(through(['END'], ['one E', 'N', 'OUGH'])).toEqual({ text: 'one ENOUGH', stopped: false })
  expect(through(['END'], ['one EN'])).toEqual({ text: 'one EN', stopped: false })
})

test('text is given out as soon as it is certain', () => {
  const filter = createStopStrings(['aab'])
  expect(filter.push('xaa')).toEqual({ text: 'x', stopped: false })
  expect(filter.push('a')).toEqual({ text: 'a', stopped: false })
  expect(filter.push('b')).toEqual({ text: '', stopped: true })
})

test('an empty stop string is refused', () => {
  expect(() => createStopStrings(['a', ''])).toThrow('generate: a stop string is empty')
})

test('however a text is cut, it ends before the first stop string', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 1, maxLength: 3 })
  fc.assert(
    fc.property(fc.array(letters), fc.array(letters, { maxLength: 3 }), (pieces, stops) => {
      const whole = pieces.join('')
      const { text, stopped } = through(stops, pieces)
      const ends = stops.map((stop) => whole.indexOf(stop)).filter((at) => at >= 0)
      expect(stopped).toBe(ends.length > 0)
      // Of several stop strings, the one that is complete first counts, wherever the others would begin.
      if (!stopped) expect(text).toBe(whole)
      else expect(stops.some((stop) => whole.startsWith(text + stop))).toBe(true)
      expect(stops.every((stop) => !text.includes(stop))).toBe(true)
    }),
  )
})
