import { existsSync } from 'node:fs'
import * as fc from 'fast-check'

/** Letters since Unicode 17.0: new JavaScript engines know them, the reference (16.0) does not. See the README. */
const NEW_LETTERS =
  /[\u088F\u0C5C\u0CDC\uA7CE\uA7CF\uA7D2\uA7D4\uA7F1\u{10940}-\u{10959}\u{10EC5}-\u{10EC7}\u{11DB0}-\u{11DDB}\u{11DE0}-\u{11DE9}\u{16EA0}-\u{16EB8}\u{16EBB}-\u{16ED3}\u{16FF2}-\u{16FF6}\u{187F8}-\u{187FF}\u{18D09}-\u{18D1E}\u{18D80}-\u{18DF2}\u{1E6C0}-\u{1E6DE}\u{1E6E0}-\u{1E6E2}\u{1E6E4}\u{1E6E5}\u{1E6E7}-\u{1E6ED}\u{1E6F0}-\u{1E6F4}\u{1E6FE}\u{1E6FF}\u{2B73A}-\u{2B73F}\u{2CEA2}-\u{2CEAD}\u{323B0}-\u{33479}]/u

const SPACES = [' ', '  ', '\n', '\n\n', '\r\n', '\t', '\u00a0', '\u2581', '\u2028', '\u3000']
const MARKS = ['\u0000', '\u001b', '\u007f', '\u0085', '\ufeff', '\ufffd', '\ud800', '\udc00', '\u200d', '\u0301']
const ENGLISH = ['the', ' the', 'Hello', "'s", "'S", "don't", "''ll", '!!', ' ...', '123', '4567', '½', 'Ⅷ', '٣']
const ALPHABETS = ['é', 'e\u0301', 'ß', 'İ', 'ﬁ', 'Straße', 'Ωμέγα', 'привет', 'שלום', 'مرحبا', 'हिन्दी', 'ไทย']
const BEYOND = ['你好', '日本語', 'カタカナ', '한국어', '🤦🏽‍♀️', '🇺🇳', '👩‍👩‍👧', '𝔘𝔫𝔦', '𠮷']
const SPECIAL = ['<s>', '</s>', '<unk>', '<0x41>', '<|endoftext|>', '<|endoftext', '|>']

/** Pieces of text where tokenizers have been known to differ. */
export const TRICKY: readonly string[] = [SPACES, MARKS, ENGLISH, ALPHABETS, BEYOND, SPECIAL].flat(1)

/** Mixtures of tricky pieces and arbitrary characters. */
export const anyText: fc.Arbitrary<string> = fc
  .array(
    fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom(...TRICKY) },
      fc.string({ unit: 'binary', maxLength: 4 }),
      fc.string({ unit: 'grapheme-ascii', maxLength: 8 }),
    ),
    { maxLength: 24 },
  )
  .map((parts) => parts.join(''))
  .filter((text) => !NEW_LETTERS.test(text))

/** A file of the data beside the repository, where it lies there. */
export const sharedFile = (path: string): URL | undefined => {
  const url = new URL(`../../../../../shared/data/${path}`, import.meta.url)
  return existsSync(url) ? url : undefined
}
