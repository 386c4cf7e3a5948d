type Crc32 = (bytes: Uint8Array, seed?: number) => number

/**
 * CRC-32 (IEEE 802.3, as in zlib and PNG) of `bytes`; `seed` is that of what came before. Where Node's zlib is there it
 * does the work, found without an import so that browsers can load this module.
 */
export const crc32: Crc32 = nodeCrc32() ?? portableCrc32

function nodeCrc32(): Crc32 | undefined {
  const zlib = globalThis.process?.getBuiltinModule?.('node:zlib')
  return typeof zlib?.crc32 === 'function' ? (bytes, seed = 0) => zlib.crc32(bytes, seed) : undefined
}

const POLYNOMIAL = 0xedb88320
const NONE = new Int32Array(0)
let cached: Int32Array | undefined

/** `tables[256 * k + b]`: what byte b does to the remainder after k more zero bytes. */
function tables(): Int32Array {
  if (cached !== undefined) return cached
  const made = new Int32Array(16 * 256)
  for (let byte = 0; byte < 256; byte++) {
    let remainder = byte
    for (let bit = 0; bit < 8; bit++) remainder = remainder & 1 ? (remainder >>> 1) ^ POLYNOMIAL : remainder >>> 1
    made[byte] = remainder
  }
  for (let i = 256; i < made.length; i++) made[i] = (made[i - 256]! >>> 8) ^ made[made[i - 256]! & 255]!
  return (cached = made)
}

/**
 * The same in plain JavaScript, 16 bytes at a time ("slicing"): one lookup per byte, none of which waits for another. Words
 * are read in the machine's order, which is little-endian wherever JavaScript runs today.
 */
export function portableCrc32(bytes: Uint8Array, seed = 0): number {
  const t = tables()
  const head = -bytes.byteOffset & 3
  const blocks = Math.max(0, bytes.length - head) >>> 4
  const words = blocks > 0 ? new Int32Array(bytes.buffer, bytes.byteOffset + head, 4 * blocks) : NONE
  let crc = ~seed
  let at = 0
  for (; at < head && at < bytes.length; at++) crc = (crc >>> 8) ^ t[(crc ^ bytes[at]!) & 255]!
  for (let i = 0; i < words.length; i += 4) {
    const a = words[i]! ^ crc
    const b = words[i + 1]!
    const c = words[i + 2]!
    const d = words[i + 3]!
    crc =
      t[3840 + (a & 255)]! ^
      t[3584 + ((a >>> 8) & 255)]! ^
      t[3328 + ((a >>> 16) & 255)]! ^
      t[3072 + (a >>> 24)]! ^
      t[2816 + (b & 255)]! ^
      t[2560 + ((b >>> 8) & 255)]! ^
      t[2304 + ((b >>> 16) & 255)]! ^
      t[2048 + (b >>> 24)]! ^
      t[1792 + (c & 255)]! ^
      t[1536 + ((c >>> 8) & 255)]! ^
      t[1280 + ((c >>> 16) & 255)]! ^
      t[1024 + (c >>> 24)]! ^
      t[768 + (d & 255)]! ^
      t[512 + ((d >>> 8) & 255)]! ^
      t[256 + ((d >>> 16) & 255)]! ^
      t[d >>> 24]!
  }
  for (at += words.byteLength; at < bytes.length; at++) crc = (crc >>> 8) ^ t[(crc ^ bytes[at]!) & 255]!
  return ~crc >>> 0
}
