import { END_OF_TEXT, gpt2TokenizerJson, type TokenizerJson } from '@stemkit/tokenizer'

const isPrintable = (byte: number): boolean =>
  (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || (byte >= 0xae && byte <= 0xff)

/** In GPT-2's manner: one token per byte, the bytes of 'the' merged, and an end of text, which is 258. */
export function byteTokenizer(): TokenizerJson {
  let next = 0x100
  const bytes = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(isPrintable(byte) ? byte : next++))
  const tokens = [...bytes, 'th', 'the', END_OF_TEXT]
  return gpt2TokenizerJson(Object.fromEntries(tokens.map((token, id) => [token, id])), 't h\nth e\n')
}

/** In Llama's manner: pieces that carry the space before them, and bytes for all other characters. */
export function byteFallbackTokenizer(): TokenizerJson {
  const bytes = Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`)
  const tokens = ['<unk>', '<s>', '</s>', ...bytes, '\u2581', 'a', 'b', '\u2581a']
  const space = '\u2581'
  return {
    version: '1.0',
    added_tokens: [0, 1, 2].map((id) => ({ id, content: tokens[id]!, special: true, normalized: false })),
    normalizer: {
      type: 'Sequence',
      normalizers: [
        { type: 'Prepend', prepend: space },
        { type: 'Replace', pattern: { String: ' ' }, content: space },
      ],
    },
    pre_tokenizer: null,
    post_processor: null,
    decoder: {
      type: 'Sequence',
      decoders: [
        { type: 'Replace', pattern: { String: space }, content: ' ' },
        { type: 'ByteFallback' },
        { type: 'Fuse' },
        { type: 'Strip', content: ' ', start: 1, stop: 0 },
      ],
    },
    model: {
      type: 'BPE',
      unk_token: '<unk>',
      fuse_unk: true,
      byte_fallback: true,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges: [`${space} a`],
    },
  }
}
