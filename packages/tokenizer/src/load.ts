import type { Tokenizer as Library } from '@huggingface/tokenizers'
import { StemkitError } from '@stemkit/spec/errors'
import type { Tokenizer } from '@stemkit/spec/tokenizer'
import { createEncoder } from './encoder.ts'
import { createLibrary } from './library.ts'
import { rolesOf } from './roles.ts'
import { parseTokenizerJson } from './tokenizer-json.ts'

/** No vocabulary has it: stands for the text in a template. */
const TEXT = '\u0000text\u0000'

/** Ids that the tokenizer's own template puts before and after a text. */
const templateOf = (library: Library): { readonly before: readonly number[]; readonly after: readonly number[] } => {
  const tokens = library.post_processor?.([TEXT], null, true).tokens ?? [TEXT]
  const place = tokens.indexOf(TEXT)
  const ids = (part: readonly string[]): number[] =>
    part.map((token) => {
      const id = library.token_to_id(token)
      if (id === undefined)
        throw new StemkitError('bad-input', `The tokenizer's template uses ${token}, which is not in its vocabulary`)
      return id
    })
  return { before: ids(tokens.slice(0, place)), after: ids(tokens.slice(place + 1)) }
}

export interface LoadOptions {
  /** A parsed tokenizer_config.json or special_tokens_map.json, which names the tokens with a role. */
  readonly config?: unknown
}

/**
 * Makes a tokenizer of a parsed tokenizer.json (GPT-2's two files: see `gpt2TokenizerJson`). `encode` gives the ids
 * that the reference library gives, special tokens inside a text included, and never truncates or pads; a lone
 * surrogate counts as U+FFFD. `decode` throws `bad-input` for an id that the vocabulary lacks. `vocabSize` is the
 * highest id plus one: the number of rows that a table needs.
 * Throws `bad-input` if `source` is no tokenizer.json, `unsupported` if it needs a stage that is not done exactly.
 */
export const loadTokenizer = (source: unknown, options: LoadOptions = {}): Tokenizer => {
  const json = parseTokenizerJson(source)
  const library = createLibrary(json)
  const encodePlain = createEncoder(json, library)
  const template = templateOf(library)
  const hidden = new Set(json.added_tokens.filter((token) => token.special).map((token) => token.id))
  const tokenToId = (token: string): number | undefined => library.token_to_id(token)
  const idToToken = (id: number): string | undefined => library.id_to_token(id)
  const vocabSize = library.model?.vocab.length ?? 0

  return {
    vocabSize,
    special: rolesOf(json, options.config, tokenToId),
    encode: (text, { addSpecial = false } = {}) => {
      const ids = encodePlain(text.toWellFormed())
      if (!addSpecial) return Uint32Array.from(ids)
      return Uint32Array.from([template.before, ids, template.after].flat())
    },
    decode: (ids, { skipSpecial = true } = {}) => {
      const kept: number[] = []
      for (const id of Array.from(ids)) {
        if (idToToken(id) === undefined) {
          throw new StemkitError('bad-input', `Token id ${id} is not in the tokenizer's vocabulary of ${vocabSize}`)
        }
        if (!skipSpecial || !hidden.has(id)) kept.push(id)
      }
      return kept.length === 0 ? '' : library.decode(kept, { clean_up_tokenization_spaces: false })
    },
    tokenToId,
    idToToken,
  }
}
