import type { Tokenizer } from '@stemkit/spec/tokenizer'

/** How one token looks by itself. */
export interface TokenText {
  /** As OpenAI writes it: `bytes:\xe2\x82` for bytes that are no character, `token_id:7` without a tokenizer. */
  readonly text: string
  /** What it adds to a text, in UTF-8; null where that is not known. */
  readonly bytes: readonly number[] | null
}

/** Tokens as texts, each worked out once. */
export function createTokenTexts(tokenizer: Tokenizer | undefined): (id: number) => TokenText {
  const known = new Map<number, TokenText>()
  // Some decoders drop the space of a text's first token, so tokens are decoded behind another one.
  const before = tokenizer ? Array.from(tokenizer.encode('a')).slice(-1) : []
  const prefix = tokenizer && before.length > 0 ? tokenizer.decode(before) : ''

  const make = (id: number): TokenText => {
    const raw = tokenizer?.idToToken(id)
    if (!tokenizer || raw === undefined) return { text: `token_id:${id}`, bytes: null }
    const behind = tokenizer.decode([...before, id], { skipSpecial: false })
    const text = behind.startsWith(prefix)
      ? behind.slice(prefix.length)
      : tokenizer.decode([id], { skipSpecial: false })
    if (!text.includes('\uFFFD') || raw.includes('\uFFFD'))
      return { text, bytes: Array.from(new TextEncoder().encode(text)) }
    const bytes = bytesOf(raw)
    if (bytes === null) return { text: raw, bytes: null }
    return { text: `bytes:${bytes.map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('')}`, bytes }
  }

  return (id) => {
    let found = known.get(id)
    if (found === undefined) known.set(id, (found = make(id)))
    return found
  }
}

/** The bytes that a token of a vocabulary stands for: `<0xE2>`, or a character for each byte as GPT-2 writes them. */
function bytesOf(raw: string): number[] | null {
  const single = /^<0x([0-9a-f]{2})>$/i.exec(raw)?.[1]
  if (single !== undefined) return [Number.parseInt(single, 16)]
  const bytes = Array.from(raw, (character) => BYTES.get(character))
  return bytes.every((byte) => byte !== undefined) ? bytes : null
}

/** By character of the byte-level alphabet: printable bytes are themselves, the others follow U+0100 in order. */
const BYTES = ((): ReadonlyMap<string, number> => {
  const isPlain = (byte: number): boolean =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || (byte >= 0xae && byte <= 0xff)
  let next = 0x100
  return new Map(Array.from({ length: 256 }, (_, byte) => [String.fromCharCode(isPlain(byte) ? byte : next++), byte]))
})()
