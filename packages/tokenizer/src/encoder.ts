import type { Tokenizer as Library } from '@huggingface/tokenizers'
import { piecesOf, type Pieces } from './pieces.ts'
import { sectionsOf } from './sections.ts'
import type { TokenizerJson } from './tokenizer-json.ts'

const LONGEST_REMEMBERED = 64
const MOST_REMEMBERED = 200_000

/** Ids of pieces, each spelt and merged once: words repeat. */
const pieceIds = (library: Library, pieces: Pieces): ((piece: string) => readonly number[]) => {
  const remembered = new Map<string, readonly number[]>()
  const merge = (piece: string): readonly number[] => {
    const ids: number[] = []
    for (const token of library.model?.([pieces.spell(piece)]) ?? []) {
      const id = library.token_to_id(token)
      if (id !== undefined) ids.push(id)
    }
    return ids
  }
  return (piece) => {
    const known = remembered.get(piece)
    if (known !== undefined) return known
    const ids = merge(piece)
    if (piece.length <= LONGEST_REMEMBERED) {
      if (remembered.size >= MOST_REMEMBERED) remembered.clear()
      remembered.set(piece, ids)
    }
    return ids
  }
}

/**
 * Encodes without a template. Where the tokenizer allows it, texts are cut into pieces that are merged once and
 * remembered, which makes the time linear in the text; else the library sees every text whole.
 */
export const createEncoder = (json: TokenizerJson, library: Library): ((text: string) => readonly number[]) => {
  const whole = (text: string): readonly number[] => library.encode(text, { add_special_tokens: false }).ids
  const sections = sectionsOf(json)
  const pieces = piecesOf(json, library)
  if (sections === undefined || pieces === undefined) return whole

  const idsOf = pieceIds(library, pieces)
  return (text) => {
    const ids: number[] = []
    for (const [place, section] of sections(text).entries()) {
      if (typeof section === 'number') {
        ids.push(section)
      } else if (section !== '') {
        const normalized = library.normalizer === null ? section : library.normalizer(section)
        for (const piece of pieces.cut(normalized, place === 0)) for (const id of idsOf(piece)) ids.push(id)
      }
    }
    return ids
  }
}
