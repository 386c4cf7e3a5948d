const rotate = (value: number, by: number): number => (value << by) | (value >>> (32 - by))

/** MurmurHash3 (x86, 32 bits) of the little-endian bytes of 32-bit words. */
export const murmur3 = (words: Int32Array | Uint32Array, seed: number): number => {
  let hash = seed
  for (let i = 0; i < words.length; i++) {
    const word = Math.imul(rotate(Math.imul(words[i]!, 0xcc9e2d51), 15), 0x1b873593)
    hash = (Math.imul(rotate(hash ^ word, 13), 5) + 0xe6546b64) | 0
  }
  hash ^= words.length * 4
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

/** 16 hexadecimal digits that name arrays of words: tells data sets apart, is no defence against an attacker. */
export const fingerprintOf = (...parts: readonly (Int32Array | Uint32Array)[]): string =>
  [0x9747b28c, 0x2545f491]
    .map((seed) => parts.reduce((hash, words) => murmur3(words, hash), seed))
    .map((hash) => hash.toString(16).padStart(8, '0'))
    .join('')
