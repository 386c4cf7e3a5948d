import ranks from 'gpt-tokenizer/bpeRanks/r50k_base'
import { BYTE_ALPHABET } from '../byte-alphabet.ts'
import { END_OF_TEXT } from '../gpt2.ts'

const plainFirst = BYTE_ALPHABET.filter((char) => char.charCodeAt(0) < 0x100)
const shifted = BYTE_ALPHABET.filter((char) => char.charCodeAt(0) >= 0x100)
const spelling = Array.from({ length: 256 }, (_, byte) => {
  const own = String.fromCharCode(byte)
  return plainFirst.includes(own) ? own : (shifted.shift() ?? '')
})

const spell = (token: string | readonly number[]): string =>
  Array.from(typeof token === 'string' ? new TextEncoder().encode(token) : token, (byte) => spelling[byte]).join('')

/** The two parts that a token was merged from: what is left when only earlier tokens may merge. */
const partsOf = (token: string, ids: ReadonlyMap<string, number>, rank: number): string[] => {
  const parts = [...token]
  while (parts.length > 2) {
    let best = rank
    let at = -1
    for (let i = 0; i + 1 < parts.length; i++) {
      const id = ids.get(`${parts[i]}${parts[i + 1]}`) ?? rank
      if (id < best) [best, at] = [id, i]
    }
    parts.splice(at, 2, `${parts[at]}${parts[at + 1]}`)
  }
  return parts
}

/** GPT-2's vocab.json and merges.txt, rebuilt from the token ranks that `gpt-tokenizer` carries. */
export const gpt2Files = (): { vocab: Record<string, number>; merges: string } => {
  const tokens = ranks.map(spell)
  const ids = new Map(tokens.map((token, id) => [token, id]))
  const merges = tokens.flatMap((token, id) => (token.length > 1 ? [partsOf(token, ids, id).join(' ')] : []))
  return {
    vocab: { ...Object.fromEntries(ids), [END_OF_TEXT]: tokens.length },
    merges: ['#version: 0.2', ...merges, ''].join('\n'),
  }
}
