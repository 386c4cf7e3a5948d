import { loadTokenizer } from '@stemkit/tokenizer'
import { expect, test } from 'vitest'
import { byteFallbackTokenizer, byteTokenizer } from '../testing/tokenizers.ts'
import { createTokenTexts } from './token-text.ts'

test('a token is the text that it adds, or its bytes where these are no text', () => {
  const tokenizer = loadTokenizer(byteTokenizer())
  const text = createTokenTexts(tokenizer)
  const [first] = tokenizer.encode('\u20ac')
  expect(text(tokenizer.encode('the')[0]!)).toEqual({ text: 'the', bytes: [116, 104, 101] })
  expect(text(tokenizer.encode(' ')[0]!)).toEqual({ text: ' ', bytes: [32] })
  expect(text(first!)).toEqual({ text: 'bytes:\\xe2', bytes: [0xe2] })
  expect(text(258).text).toBe('<|endoftext|>')
  expect(text(9999)).toEqual({ text: 'token_id:9999', bytes: null })
})

test('a space before a word stays, although a text would not begin with it', () => {
  const tokenizer = loadTokenizer(byteFallbackTokenizer())
  const text = createTokenTexts(tokenizer)
  expect(text(tokenizer.tokenToId('\u2581a')!).text).toBe(' a')
  expect(text(tokenizer.tokenToId('<0xE2>')!)).toEqual({ text: 'bytes:\\xe2', bytes: [0xe2] })
})

test('without a tokenizer a token is its number', () => {
  expect(createTokenTexts(undefined)(7)).toEqual({ text: 'token_id:7', bytes: null })
})
