import type { AddedTokenJson, StageJson, TokenizerJson } from '../tokenizer-json.ts'

const MERGES = [
  '▁ t',
  'h e',
  '▁t he',
  '▁ ▁',
  '▁▁ ▁▁',
  'l l',
  'e ll',
  'H ell',
  'Hell o',
  '▁ Hello',
  'o w',
  '▁ a',
  'a n',
  '. .',
  '.. .',
  '1 2',
]
const CHARACTERS = [..."▁abcdefghijklmnopqrstuvwxyzHT.,!'12é你"]

/** A small tokenizer.json with the stages of Llama 2: SentencePiece-style BPE that falls back to bytes. */
export const sentencePiece = (stages: {
  readonly normalizer?: StageJson
  readonly pre_tokenizer?: StageJson
  /** Further merges, such as one that crosses from a word to the next. */
  readonly merges?: readonly string[]
}): TokenizerJson => {
  const merges = [...MERGES, ...(stages.merges ?? [])]
  const bytes = Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`)
  const tokens = ['<unk>', '<s>', '</s>', ...bytes, ...CHARACTERS, ...merges.map((merge) => merge.replace(' ', ''))]
  const special = (id: number): AddedTokenJson => {
    const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true }
    return { id, content: tokens[id] ?? '', ...flags }
  }
  return {
    version: '1.0',
    added_tokens: [special(0), special(1), special(2)],
    normalizer: stages.normalizer ?? null,
    pre_tokenizer: stages.pre_tokenizer ?? null,
    post_processor: {
      type: 'TemplateProcessing',
      single: [{ SpecialToken: { id: '<s>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
      pair: [{ Sequence: { id: 'A', type_id: 0 } }, { Sequence: { id: 'B', type_id: 1 } }],
      special_tokens: { '<s>': { id: '<s>', ids: [1], tokens: ['<s>'] } },
    },
    decoder: {
      type: 'Sequence',
      decoders: [
        { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
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
      merges,
    },
  }
}
