import type { Tokenizer } from '@stemkit/spec/tokenizer'
import { loadTokenizer } from '@stemkit/tokenizer'
import { expect, test } from 'vitest'
import { byteFallbackTokenizer, byteTokenizer } from '../testing/tokenizers.ts'
import { encodePrompts, type PromptReader } from './prompts.ts'

/** Keeps what was encoded. */
function watched(tokenizer: Tokenizer): { readonly tokenizer: Tokenizer; readonly encoded: string[] } {
  const encoded: string[] = []
  return {
    encoded,
    tokenizer: {
      ...tokenizer,
      encode(text, options) {
        encoded.push(text)
        return tokenizer.encode(text, options)
      },
    },
  }
}

const modelOf = (tokenizer: Tokenizer): PromptReader => ({
  tokenizer,
  maxLength: 10,
  config: { vocabSize: tokenizer.vocabSize },
})
const rules = { scoredOnly: false, addSpecial: true, param: 'prompt' }

test.each([
  // The longest tokens are 'the' and '<|endoftext|>', or '<0xE2>'.
  ['bytes as characters', byteTokenizer(), 13],
  ['bytes by their numbers', byteFallbackTokenizer(), 6],
])('with %s a text that is too long for any tokens is not even encoded', (_, json, longest) => {
  const { tokenizer, encoded } = watched(loadTokenizer(json))
  const model = modelOf(tokenizer)
  const encode = (text: string) => encodePrompts(model, text, rules)
  expect(() => encode('a'.repeat(11 * longest + 1))).toThrow(
    `maximum context length is 10 tokens, and the prompt has ${11 * longest + 1} characters; shorten it`,
  )
  expect(encoded).toEqual([])
  expect(() => encode('a'.repeat(11 * longest))).toThrow(/and the prompt has \d+; shorten it/)
  expect(encoded.length).toBe(1)
  expect(encode('a'.repeat(4))[0]!.tokens.length).toBeLessThanOrEqual(9)
})
