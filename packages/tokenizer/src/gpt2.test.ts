import { readFileSync } from 'node:fs'
import { encode as rankEncode } from 'gpt-tokenizer/encoding/r50k_base'
import { describe, expect, it } from 'vitest'
import { gpt2TokenizerJson } from './gpt2.ts'
import { loadTokenizer } from './load.ts'
import { gpt2Files } from './testing/gpt2-files.ts'
import { sharedFile } from './testing/texts.ts'

const { vocab, merges } = gpt2Files()

describe('GPT-2 from its two files', () => {
  const tokenizer = loadTokenizer(gpt2TokenizerJson(vocab, merges))

  it('has the published vocabulary', () => {
    expect(tokenizer.vocabSize).toBe(50_257)
    expect(tokenizer.special).toEqual({ bos: 50_256, eos: 50_256 })
    expect([...tokenizer.encode('Hello world')]).toEqual([15_496, 995])
    expect(tokenizer.idToToken(995)).toBe('Ġworld')
    expect(tokenizer.tokenToId('<|endoftext|>')).toBe(50_256)
  })

  it('encodes as an implementation over token ranks does', () => {
    const text = readFileSync(new URL('../../../LICENSE', import.meta.url), 'utf8')
    expect([...tokenizer.encode(text)]).toEqual(rankEncode(text))
  })

  const corpus = sharedFile('corpora/tinyshakespeare/input.txt')
  it.skipIf(!corpus)('encodes a megabyte of Shakespeare so (needs shared/data/corpora/tinyshakespeare)', () => {
    const text = readFileSync(corpus!, 'utf8')
    const ids = tokenizer.encode(text)
    expect(ids.length).toBe(338_025)
    expect(Buffer.compare(Buffer.from(ids.buffer), Buffer.from(Uint32Array.from(rankEncode(text)).buffer))).toBe(0)
    expect(tokenizer.decode(ids)).toBe(text)
  })

  const published = sharedFile('tokenizers/gpt2/vocab.bpe')
  it.skipIf(!published)('rebuilds the published merges for these tests (needs shared/data/tokenizers/gpt2)', () => {
    expect(merges).toBe(readFileSync(published!, 'utf8'))
    const encoder = readFileSync(sharedFile('tokenizers/gpt2/encoder.json')!, 'utf8')
    expect(vocab).toEqual(JSON.parse(encoder))
  })
})

describe('wrong files', () => {
  it('names the line of the merges that is malformed', () => {
    expect(() => gpt2TokenizerJson({ a: 0, b: 1, ab: 2 }, '#version: 0.2\na b\na\n')).toThrow(/Line 3 of the merges/)
  })

  it('names a token that the vocabulary lacks', () => {
    expect(() => gpt2TokenizerJson({ a: 0, b: 1 }, 'a b\n')).toThrow(/Line 1 of the merges needs "ab"/)
  })

  it('refuses a vocabulary that is no object', () => {
    expect(() => gpt2TokenizerJson(['a'], '')).toThrow(/must be an object/)
  })
})
