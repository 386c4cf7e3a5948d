import { readFileSync } from 'node:fs'
import { StemkitError } from '@stemkit/spec/errors'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { gpt2TokenizerJson } from './gpt2.ts'
import { loadTokenizer } from './load.ts'
import { gpt2Files } from './testing/gpt2-files.ts'
import { referenceFor } from './testing/native.ts'
import { sentencePiece } from './testing/sentencepiece.ts'
import { anyText, sharedFile, TRICKY } from './testing/texts.ts'
import type { StageJson, TokenizerJson } from './tokenizer-json.ts'

const { vocab, merges } = gpt2Files()
const gpt2 = gpt2TokenizerJson(vocab, merges)

const LLAMA3_PATTERN = String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
const llama3: TokenizerJson = {
  ...gpt2,
  pre_tokenizer: {
    type: 'Sequence',
    pretokenizers: [
      { type: 'Split', pattern: { Regex: LLAMA3_PATTERN }, behavior: 'Isolated', invert: false },
      { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false },
    ],
  },
  model: { ...gpt2.model, ignore_merges: true },
}
const prefixSpace: TokenizerJson = { ...gpt2, pre_tokenizer: { ...gpt2.pre_tokenizer!, add_prefix_space: true } }
const greedySpecial: TokenizerJson = {
  ...gpt2,
  added_tokens: gpt2.added_tokens.map((token) => ({ ...token, lstrip: true, rstrip: true })),
}

const spaces: StageJson = { type: 'Replace', pattern: { String: ' ' }, content: '▁' }
const llama2Normalizer: StageJson = { type: 'Sequence', normalizers: [{ type: 'Prepend', prepend: '▁' }, spaces] }
const metaspace = (prepend_scheme: string, split: boolean): StageJson => ({
  type: 'Metaspace',
  replacement: '▁',
  prepend_scheme,
  split,
})

const readShared = (path: string): TokenizerJson | undefined => {
  const url = sharedFile(path)
  return url && (JSON.parse(readFileSync(url, 'utf8')) as TokenizerJson)
}

describe.each<[string, TokenizerJson | undefined]>([
  ['GPT-2', gpt2],
  ['GPT-2 with a space put before texts', prefixSpace],
  ['GPT-2 with a special token that takes spaces with it', greedySpecial],
  ['the stages of Llama 3', llama3],
  ['the stages of Llama 2', sentencePiece({ normalizer: llama2Normalizer })],
  ['the stages of Llama 2, later form', sentencePiece({ pre_tokenizer: metaspace('first', false) })],
  ['Metaspace before every text', sentencePiece({ pre_tokenizer: metaspace('always', false) })],
  ['Metaspace that cuts', sentencePiece({ pre_tokenizer: metaspace('first', true) })],
  ['merges that cross words', sentencePiece({ normalizer: spaces, merges: ['▁the ▁', 'o ▁a'] })],
  ['GPT-2 as published (needs shared/data/tokenizers/gpt2)', readShared('tokenizers/gpt2/tokenizer.json')],
  ['Llama 2 as published (needs shared/data/tokenizers/llama2)', readShared('tokenizers/llama2/tokenizer.json')],
])('%s', (_, json) => {
  it.skipIf(!json)('encodes and decodes as the reference library', async () => {
    const tokenizer = loadTokenizer(json)
    const reference = referenceFor(json!)
    const check = async (text: string): Promise<void> => {
      const ids = tokenizer.encode(text)
      expect([...ids]).toEqual(await reference.encode(text))
      expect([...tokenizer.encode(text, { addSpecial: true })]).toEqual(await reference.encode(text, true))
      for (const part of [ids, ids.slice(1)]) {
        expect(tokenizer.decode(part)).toBe(await reference.decode(part))
        expect(tokenizer.decode(part, { skipSpecial: false })).toBe(await reference.decode(part, false))
      }
    }
    for (const text of TRICKY) await check(`Well,${text}  ${text}${text} x`)
    await fc.assert(fc.asyncProperty(anyText, check), { numRuns: 150 })
  })

  const corpus = sharedFile('tokenizers/minbpe/taylorswift.txt')
  it.skipIf(!json || !corpus)('encodes an encyclopaedia article as the reference (needs shared/data)', async () => {
    const text = readFileSync(corpus!, 'utf8')
    expect([...loadTokenizer(json).encode(text)]).toEqual(await referenceFor(json!).encode(text))
  })
})

describe('a byte-level tokenizer', () => {
  const tokenizer = loadTokenizer(gpt2)

  it('gives every well-formed text back', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(tokenizer.decode(tokenizer.encode(text), { skipSpecial: false })).toBe(text.toWellFormed())
      }),
      { numRuns: 1000 },
    )
  })

  it('finds a special token inside a text and leaves it out of the decoded one', () => {
    const ids = tokenizer.encode('one<|endoftext|>two')
    expect([...ids]).toEqual([505, 50_256, 11_545])
    expect(tokenizer.decode(ids)).toBe('onetwo')
    expect(tokenizer.decode(ids, { skipSpecial: false })).toBe('one<|endoftext|>two')
  })

  it('decodes nothing to nothing', () => {
    expect(tokenizer.decode(tokenizer.encode(''))).toBe('')
  })

  it('stands a long text without a space', { timeout: 30_000 }, () => {
    const text = 'abcdefg'.repeat(30_000)
    expect(tokenizer.decode(tokenizer.encode(text))).toBe(text)
  })

  it('names an id that it does not have', () => {
    expect(() => tokenizer.decode([1, 50_257])).toThrow(/Token id 50257 .* vocabulary of 50257/)
  })
})

describe('tokens with a role', () => {
  it('are those that the config names', () => {
    const config = { bos_token: { content: '<s>' }, eos_token: '</s>', pad_token: '</s>', unk_token: null }
    expect(loadTokenizer(sentencePiece({}), { config }).special).toEqual({ bos: 1, eos: 2, pad: 2, unk: 0 })
  })

  it('are those of the usual names without one', () => {
    expect(loadTokenizer(sentencePiece({})).special).toEqual({ bos: 1, eos: 2, unk: 0 })
  })
})

const refusal = (source: unknown): StemkitError => {
  try {
    loadTokenizer(source)
  } catch (error) {
    if (StemkitError.isInstance(error)) return error
  }
  throw new Error('it was not refused')
}

describe('what is refused', () => {
  it.each([
    ['no object', null, /it is not an object/],
    ['no model', {}, /it has no model/],
    ['no vocabulary', { model: { type: 'BPE', merges: [] } }, /its model has no vocab/],
    ['no merges', { model: { type: 'BPE', vocab: {} } }, /its BPE model has no merges/],
    ['a stage without type', { ...gpt2, normalizer: {} }, /its normalizer has no type/],
    ['a nameless special token', { ...gpt2, added_tokens: [{ id: 1 }] }, /added_tokens lacks id or content/],
  ])('%s, as bad input', (_, source, message) => {
    expect(refusal(source).code).toBe('bad-input')
    expect(refusal(source).message).toMatch(message)
  })

  it('a stage that is unknown, by name', () => {
    const error = refusal({ ...gpt2, pre_tokenizer: { type: 'Morse' } })
    expect(error.code).toBe('unsupported')
    expect(error.message).toMatch(/Morse/)
  })

  it('a stage that would not be exact', () => {
    const pre_tokenizer = { type: 'Split', pattern: { String: '-' }, behavior: 'MergedWithNext', invert: false }
    expect(refusal({ ...gpt2, pre_tokenizer }).message).toMatch(/the split behaviour MergedWithNext/)
  })
})
