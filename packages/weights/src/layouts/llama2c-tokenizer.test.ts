import { readFileSync } from 'node:fs'
import { Tokenizer } from '@huggingface/tokenizers'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { sharedData } from '../testing/folders.ts'
import { llama2cTokenizer } from '../testing/llama2c.ts'
import { llama2cTokenizerJson } from './llama2c-tokenizer.ts'

const PIECES: (readonly [string, number])[] = [
  [' t', -0],
  ['he', -1],
  [' the', -2],
  ['the', -3],
  ['aa', -4],
  ['  ', -5],
  ...Array.from(' thea\u00E9\u6F22', (character, i) => [character, -6 - i] as const),
]

/**
 * What llama2.c does, step by step: BOS, a space, the characters or their bytes; then, as long as two neighbours
 * make a token, the leftmost pair whose token scores highest.
 */
const reference = (file: Uint8Array) => {
  const buffer = Buffer.from(file)
  const texts: string[] = []
  const scores: number[] = []
  for (let at = 4; at < buffer.length; at += 8 + buffer.readUInt32LE(at + 4)) {
    scores.push(buffer.readFloatLE(at))
    texts.push(buffer.toString('utf8', at + 8, at + 8 + buffer.readUInt32LE(at + 4)))
  }
  const ids = new Map(texts.map((text, id) => [text, id]))
  return (text: string): number[] => {
    const tokens = text === '' ? [] : [ids.get(' ')!]
    for (const character of text) {
      const id = ids.get(character)
      if (id === undefined) tokens.push(...Array.from(Buffer.from(character), (byte) => byte + 3))
      else tokens.push(id)
    }
    for (;;) {
      let best: { at: number; id: number } | undefined
      for (let at = 0; at + 1 < tokens.length; at++) {
        const id = ids.get(texts[tokens[at]!]! + texts[tokens[at + 1]!]!)
        if (id !== undefined && (best === undefined || scores[id]! > scores[best.id]!)) best = { at, id }
      }
      if (best === undefined) return [1, ...tokens]
      tokens.splice(best.at, 2, best.id)
    }
  }
}

const AS_TEXT = { skip_special_tokens: true, clean_up_tokenization_spaces: false }

const load = (json: Record<string, unknown>): Tokenizer => new Tokenizer(json as never, {})

describe('the tokenizer.json of a llama2.c tokenizer', () => {
  const file = llama2cTokenizer(PIECES)
  const tokenizer = load(llama2cTokenizerJson(file))

  test('encodes as llama2.c does: BOS, a space in front, bytes for what has no token', () => {
    const id = (text: string): number => 259 + PIECES.findIndex(([piece]) => piece === text)
    expect(tokenizer.encode('the').ids).toEqual([1, id(' the')])
    expect(tokenizer.encode('the!').ids).toEqual([1, id(' the'), 3 + 0x21])
    expect(tokenizer.encode('\u20AC').ids).toEqual([1, id(' '), 3 + 0xe2, 3 + 0x82, 3 + 0xac])
    expect(tokenizer.encode('\n').ids).toEqual([1, id(' '), 3 + 0x0a])
  })

  test('encodes any text as llama2.c does, and decodes to it', () => {
    const encode = reference(file)
    const text = fc.string({ unit: fc.constantFrom(...Array.from(' thea\u00E9\u6F22x\n\u{1F600}')), maxLength: 24 })
    fc.assert(
      fc.property(text, (given) => {
        const { ids } = tokenizer.encode(given)
        expect(ids).toEqual(encode(given))
        expect(tokenizer.decode(ids, AS_TEXT)).toBe(given)
      }),
      { numRuns: 500 },
    )
  })

  test('lists merges by score, every way to make a token, spaces as SentencePiece writes them', () => {
    const { model } = llama2cTokenizerJson(file) as { model: { merges: string[]; vocab: Record<string, number> } }
    expect(model.merges).toEqual(['\u2581 t', 'h e', '\u2581t he', '\u2581 the', 't he', 'a a', '\u2581 \u2581'])
    expect([model.vocab['<unk>'], model.vocab['<s>'], model.vocab['</s>'], model.vocab['<0x00>']]).toEqual([0, 1, 2, 3])
  })

  test.each([
    ['nothing', new Uint8Array(0), 'token 3 is not <0x00>, the token of that byte'],
    ['half a token', file.subarray(0, -1), 'it ends within token 271'],
    ['half a score', file.subarray(0, 4 + 6), 'it ends within token 0'],
    ['no byte tokens', file.subarray(0, 4 + 13 + 13), 'token 3 is not <0x00>'],
    [
      'the same token twice',
      llama2cTokenizer([
        ['a', 0],
        ['a', -1],
      ]),
      'tokens 259 and 260 are both "a"',
    ],
  ])('is refused for %s', (_, bytes, message) => {
    expect(() => llama2cTokenizerJson(bytes)).toThrow(message)
  })

  test('is refused for a model with another vocabulary', () => {
    expect(() => llama2cTokenizerJson(file, { vocabSize: 512 })).toThrow(
      'this tokenizer has 272 tokens, but the model has 512',
    )
  })

  const stories = sharedData('models/stories260K')
  test.skipIf(stories === undefined)(
    'stories260K, where shared/data has it: its stories as llama2.c encodes them',
    () => {
      const bytes = new Uint8Array(readFileSync(`${stories}/tok512.bin`))
      const real = load(llama2cTokenizerJson(bytes, { vocabSize: 512 }))
      const encode = reference(bytes)
      for (const name of ['expected_t0.0.txt', 'expected_t1.0_p0.9_s133742.txt', 'stories260K.md']) {
        const text = readFileSync(`${stories}/${name}`, 'utf8')
        expect(real.encode(text).ids).toEqual(encode(text))
        expect(real.decode(real.encode(text).ids, AS_TEXT)).toBe(text)
      }
    },
  )

  const llama2 = sharedData('tokenizers/llama2')
  test.skipIf(llama2 === undefined)(
    'of Llama 2, where shared/data has it: the merges that Hugging Face publishes',
    () => {
      const bytes = new Uint8Array(readFileSync(`${llama2}/tokenizer.bin`))
      const { model } = llama2cTokenizerJson(bytes, { vocabSize: 32_000 }) as {
        model: { merges: string[]; vocab: Record<string, number> }
      }
      const published = JSON.parse(readFileSync(`${llama2}/tokenizer.json`, 'utf8')) as { model: typeof model }
      expect(model.vocab).toEqual(published.model.vocab)
      expect(model.merges).toEqual(published.model.merges)
      const real = load(llama2cTokenizerJson(bytes))
      const encode = reference(bytes)
      for (const text of [
        'I believe the meaning of life is',
        'if x:\n        return   1',
        'Zo\u00EB \u{1F600} \u6F22\u5B57',
      ]) {
        expect(real.encode(text).ids).toEqual(encode(text))
      }
    },
  )
})
