import { StemkitError } from '@stemkit/spec/errors'
import type { AddedTokenJson, TokenizerJson } from './tokenizer-json.ts'

/** The token that ends a document, in GPT-2 and in every tokenizer trained here. */
export const END_OF_TEXT = '<|endoftext|>'

/** How GPT-2 cuts text into words before merging; patterns are in the syntax of tokenizer.json (Oniguruma). */
export const GPT2_PATTERN = String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`

/** The tokenizer.json of a byte-level BPE: GPT-2's stages around a vocabulary and its merges. */
export const byteLevelBpe = (
  vocab: Readonly<Record<string, number>>,
  merges: readonly (readonly [string, string])[],
  specialTokens: readonly string[],
): TokenizerJson => {
  const added: AddedTokenJson[] = specialTokens.map((content) => {
    const id = vocab[content]
    if (id === undefined) {
      throw new StemkitError('bad-input', `The special token ${JSON.stringify(content)} is not in the vocabulary`)
    }
    return { id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true }
  })
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: added,
    normalizer: null,
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
    post_processor: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: false, use_regex: true },
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab,
      merges: merges.map((pair) => [...pair]),
    },
  }
}

/**
 * Makes a tokenizer.json of GPT-2's two files: the parsed `vocab.json` (`encoder.json`) and the text of
 * `merges.txt` (`vocab.bpe`). Throws `bad-input` naming the line or the token that is wrong.
 */
export const gpt2TokenizerJson = (vocab: unknown, mergesText: string): TokenizerJson => {
  if (typeof vocab !== 'object' || vocab === null || Array.isArray(vocab)) {
    throw new StemkitError('bad-input', 'A GPT-2 vocabulary must be an object of token to id')
  }
  const ids = vocab as Record<string, number>
  const merges: [string, string][] = []
  for (const [index, line] of mergesText.split(/\r?\n/).entries()) {
    if (line === '' || (index === 0 && line.startsWith('#version'))) continue
    const [left, right, ...rest] = line.split(' ')
    if (!left || !right || rest.length > 0) {
      throw new StemkitError('bad-input', `Line ${index + 1} of the merges must be two tokens and a space between them`)
    }
    for (const token of [left, right, left + right]) {
      if (!Number.isInteger(ids[token])) {
        throw new StemkitError(
          'bad-input',
          `Line ${index + 1} of the merges needs ${JSON.stringify(token)}, which is not in the vocabulary`,
        )
      }
    }
    merges.push([left, right])
  }
  return byteLevelBpe(ids, merges, ids[END_OF_TEXT] === undefined ? [] : [END_OF_TEXT])
}
