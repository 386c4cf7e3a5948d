/** Bytes that stand for themselves: printable, and no space. */
const isPlain = (byte: number): boolean =>
  (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || (byte >= 0xae && byte <= 0xff)

/** The character that byte-level tokenizers write for each byte, sorted; the bytes without one of their own follow U+0100. */
export const BYTE_ALPHABET: readonly string[] = (() => {
  let next = 0x100
  return Array.from({ length: 256 }, (_, byte) => (isPlain(byte) ? byte : next++))
    .toSorted((a, b) => a - b)
    .map((code) => String.fromCharCode(code))
})()
