import { describe, expect, test } from 'vitest'
import { readRecord } from '../testing/read-record.ts'
import { fitPrompt } from './fit-prompt.ts'

interface TruncateUnit {
  readonly tokens: number
  readonly max_gen_toks: number
  readonly max_model_len: number
  readonly min_gen_toks: number
  readonly side: 'left' | 'middle' | 'right'
  readonly shrink: boolean
  readonly out_tokens: readonly number[]
  readonly out_max_gen_toks: number
}

const { truncate: recorded } = (readRecord('units') as { units: { truncate: TruncateUnit[] } }).units

describe('a prompt', () => {
  test.each(recorded)(
    'of $tokens tokens is cut as recorded for $max_gen_toks in $max_model_len ($side, shrink $shrink)',
    (unit) => {
      const tokens = Array.from({ length: unit.tokens }, (_, i) => i)
      const { max_gen_toks: maxTokens, max_model_len: maxLength, min_gen_toks: minTokens, side, shrink } = unit
      expect(fitPrompt(tokens, maxTokens, maxLength, { side, shrink, minTokens })).toEqual({
        tokens: unit.out_tokens,
        maxTokens: unit.out_max_gen_toks,
      })
    },
  )

  test('is refused where the answer alone fills the model', () => {
    const tokens = [1, 2, 3]
    expect(() => fitPrompt(tokens, 8, 8)).toThrow('an answer of 8 tokens leaves no room for a prompt in a model of 8')
    expect(() => fitPrompt(tokens, 9, 8)).toThrow('leaves no room')
    expect(fitPrompt(tokens, 9, 8, { shrink: true })).toEqual({ tokens, maxTokens: 5 })
  })
})
