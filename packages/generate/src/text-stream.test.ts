import type { Tokenizer } from '@stemkit/spec/tokenizer'
import { loadTokenizer } from '@stemkit/tokenizer'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { byteFallbackTokenizer, byteLevelTokenizer } from './testing/tokenizers.ts'
import { createTextStream } from './text-stream.ts'

const byteLevel = loadTokenizer(byteLevelTokenizer())
const byteFallback = loadTokenizer(byteFallbackTokenizer())

// Texts that hold U+FFFD themselves are left out: the test could not tell it from half a character.
const texts = fc.string({ unit: 'grapheme', minLength: 1 }).filter((text) => !text.includes('\uFFFD'))

function streamed(tokenizer: Tokenizer, ids: readonly number[], context: readonly number[] = []): string[] {
  const stream = createTextStream(tokenizer, context)
  return [...ids.map((id) => stream.push(id)), stream.flush()]
}

describe.each([
  ['byte-level', byteLevel],
  ['byte-fallback', byteFallback],
])('a stream of %s tokens', (_, tokenizer) => {
  test('gives out no half characters', () => {
    const ids = Array.from(tokenizer.encode('a🌍é'))
    expect(ids.length).toBeGreaterThan(5)
    const pieces = streamed(tokenizer, ids)
    expect(pieces.filter((piece) => piece !== '')).toEqual(['a', '🌍', 'é'])
  })

  test('is the decoded text, whatever the text and wherever the prompt ends', () => {
    fc.assert(
      fc.property(texts, fc.nat(), (text, cut) => {
        const ids = Array.from(tokenizer.encode(text.toWellFormed()))
        const whole = tokenizer.decode(ids)
        const at = cut % (ids.length + 1)
        const context = ids.slice(0, at)
        // Where the prompt ends in half a character, the stream says the whole of it.
        const before = tokenizer.decode(context).replace(/\uFFFD+$/u, '')
        expect(before + streamed(tokenizer, ids.slice(at), context).join('')).toBe(whole)
      }),
    )
  })

  test('says at the end that bytes were no character', () => {
    const half = Array.from(tokenizer.encode('é')).slice(0, -1)
    expect(streamed(tokenizer, half).join('')).toBe('\uFFFD')
  })

  test('never takes back what it said, even for tokens that make no text', () => {
    const ids = fc.array(fc.nat(tokenizer.vocabSize - 1), { maxLength: 20 })
    fc.assert(
      fc.property(ids, (tokens) => {
        const pieces = streamed(tokenizer, tokens)
        expect(pieces.slice(0, -1).every((piece) => !piece.endsWith('\uFFFD'))).toBe(true)
      }),
    )
  })
})

test('only the first word of a text loses its leading space', () => {
  const hello = byteFallback.tokenToId('▁a')!
  expect(streamed(byteFallback, [hello, hello]).join('')).toBe('a a')
  expect(streamed(byteFallback, [hello], [hello]).join('')).toBe(' a')
})
