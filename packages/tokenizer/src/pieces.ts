import { ByteLevelPreTokenizer, SplitPreTokenizer, type Tokenizer as Library } from '@huggingface/tokenizers'
import { GPT2_PATTERN } from './gpt2.ts'
import { stagesOf, type TokenizerJson } from './tokenizer-json.ts'

/** How a text without special tokens falls into pieces that merge on their own. */
export interface Pieces {
  /** Cuts a text; `first`: nothing comes before it. */
  cut(text: string, first: boolean): readonly string[]
  /** A piece in the alphabet of the model's vocabulary. */
  spell(piece: string): string
}

/** Pieces of `pattern`, and what lies between its matches. */
const cutBy = (pattern: string): ((text: string) => readonly string[]) | undefined => {
  const stage = new SplitPreTokenizer({
    type: 'Split',
    pattern: { Regex: pattern },
    behavior: 'Isolated',
    invert: false,
  })
  const { pattern: regex } = stage
  if (regex === null) return undefined
  return (text) => {
    const matches = text.match(regex) ?? []
    let covered = 0
    for (const match of matches) covered += match.length
    return covered === text.length ? matches : stage.pre_tokenize_text(text)
  }
}

/** The pattern of a byte-level tokenizer that cuts once, as GPT-2 and its successors do. */
const byteLevelPattern = (json: TokenizerJson): string | undefined => {
  const [first, second, ...more] = stagesOf(json.pre_tokenizer, 'pretokenizers')
  if (first === undefined || more.length > 0) return undefined
  if (second === undefined) {
    const plain = first.type === 'ByteLevel' && first['use_regex'] !== false && first['add_prefix_space'] === false
    return plain ? GPT2_PATTERN : undefined
  }
  const pattern = (first['pattern'] as { Regex?: string } | undefined)?.Regex
  const cuts = first.type === 'Split' && first['behavior'] === 'Isolated' && first['invert'] !== true
  const bytes = second.type === 'ByteLevel' && second['use_regex'] === false && second['add_prefix_space'] === false
  return cuts && bytes ? pattern : undefined
}

const byteLevelPieces = (json: TokenizerJson): Pieces | undefined => {
  const pattern = byteLevelPattern(json)
  const cut = pattern === undefined ? undefined : cutBy(pattern)
  if (cut === undefined) return undefined
  const bytes = new ByteLevelPreTokenizer({ type: 'ByteLevel', add_prefix_space: false, use_regex: false })
  return { cut, spell: (piece) => bytes.pre_tokenize_text(piece)[0] ?? '' }
}

const BYTE_TOKENS = Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`)

/** Whether some token has a space mark after something else: then merges may cross from a word to the next. */
const crossesWords = (tokens: Iterable<string>): boolean => {
  for (const token of tokens) if (/[^\u2581]\u2581/u.test(token)) return true
  return false
}

/**
 * A SentencePiece-style BPE merges a whole text as one word. Where no merge can cross from a word to the space mark
 * that follows it, the text may be cut there. Newer files mark the spaces in a Metaspace stage, which may itself cut,
 * before every mark.
 */
const spaceMarkPieces = (json: TokenizerJson, library: Library): Pieces | undefined => {
  const { model } = library
  const stage = json.pre_tokenizer
  if (model === null || !BYTE_TOKENS.every((token) => model.tokens_to_ids.has(token))) return undefined
  if (json.model['byte_fallback'] !== true) return undefined
  if (stage !== null && (stage.type !== 'Metaspace' || (stage['replacement'] ?? '\u2581') !== '\u2581'))
    return undefined

  const cutsItself = stage !== null && stage['split'] !== false
  if (!cutsItself && crossesWords(model.tokens_to_ids.keys())) return undefined
  const words = cutsItself ? /\u2581[^\u2581]*|[^\u2581]+/gu : /\u2581+[^\u2581]*|[^\u2581]+/gu
  const mark = (text: string, first: boolean): string =>
    library.pre_tokenizer === null ? text : library.pre_tokenizer(text, { section_index: first ? 0 : 1 }).join('')
  return { cut: (text, first) => mark(text, first).match(words) ?? [], spell: (piece) => piece }
}

/** How to cut for this tokenizer so that nothing changes; undefined if it must see its texts whole. */
export const piecesOf = (json: TokenizerJson, library: Library): Pieces | undefined =>
  json.model.type === 'BPE' ? (byteLevelPieces(json) ?? spaceMarkPieces(json, library)) : undefined
