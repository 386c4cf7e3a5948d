import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readRecord } from '../testing/read-record.ts'
import { rollingWindows } from './rolling-windows.ts'

interface WindowUnit {
  readonly tokens: readonly number[]
  readonly prefix: number
  readonly max_seq_len: number
  readonly context_len: number
  /** What is read, and what is foretold by its end. */
  readonly windows: readonly (readonly [number[], number[]])[]
  readonly disjoint: readonly (readonly [number[], number[]])[]
}

const { rolling_windows: recorded } = (readRecord('units') as { units: { rolling_windows: WindowUnit[] } }).units

describe('rolling windows', () => {
  test.each(recorded)(
    'are those recorded for $tokens.length tokens, $max_seq_len at once, $context_len before',
    (unit) => {
      const { tokens, prefix, max_seq_len: maxLength, context_len: contextLength } = unit
      const windows = rollingWindows(tokens, { startToken: prefix, maxLength, contextLength })
      expect(windows.map(({ context, continuation }) => [context, continuation])).toEqual(unit.disjoint)
      const whole = windows.map(({ context, continuation }) => [
        [...context, ...continuation.slice(0, -1)],
        continuation,
      ])
      expect(whole).toEqual(unit.windows)
    },
  )

  test('score every token once, and never read more than the model can', () => {
    const cases = fc.record({ length: fc.nat(60), maxLength: fc.integer({ min: 1, max: 12 }), part: fc.nat(11) })
    fc.assert(
      fc.property(cases, ({ length, maxLength, part }) => {
        const tokens = Array.from({ length }, (_, i) => i)
        const contextLength = 1 + (part % maxLength)
        const windows = rollingWindows(tokens, { startToken: -1, maxLength, contextLength })
        expect(windows.flatMap(({ continuation }) => continuation)).toEqual(tokens)
        for (const { context, continuation } of windows) {
          expect(context.length + continuation.length - 1).toBeLessThanOrEqual(maxLength)
          expect(context.at(-1)).toBe(continuation[0]! - 1)
        }
      }),
    )
  })
})
