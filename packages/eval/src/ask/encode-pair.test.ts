import { describe, expect, test } from 'vitest'
import { readRecord } from '../testing/read-record.ts'
import { toyTokenizer } from '../verify/toy-tokenizer.ts'
import { encodePair, moveSpace, type TextTokens } from './encode-pair.ts'

interface PairUnits {
  readonly pieces: readonly string[]
  readonly first_piece_id: number
  readonly prefix_token: number
  readonly pairs: readonly {
    readonly context: string
    readonly continuation: string
    readonly context_tokens: readonly number[]
    readonly continuation_tokens: readonly number[]
  }[]
}

const { encode_pair: recorded } = (readRecord('units') as { units: { encode_pair: PairUnits } }).units
const encode = toyTokenizer(recorded.pieces, recorded.first_piece_id)
const tokens: TextTokens = {
  startToken: recorded.prefix_token,
  encode: async (text) => encode(text),
  encodePlain: async (text) => encode(text),
}

describe('a pair of context and continuation', () => {
  test.each(recorded.pairs)('is cut as recorded: $context + $continuation', async (pair) => {
    expect(await encodePair(tokens, pair.context, pair.continuation)).toEqual({
      context: pair.context_tokens,
      continuation: pair.continuation_tokens,
    })
  })

  test('has nothing before it where no token starts texts', async () => {
    const bare = { ...tokens, startToken: undefined }
    expect(await encodePair(bare, '', 'hello')).toEqual({ context: [], continuation: encode('hello') })
  })

  test('is one text before and after white space was moved', () => {
    expect(moveSpace('a \u00a0\n', 'b')).toEqual({ context: 'a', continuation: ' \u00a0\nb' })
  })
})
