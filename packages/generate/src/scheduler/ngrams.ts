/** Where the last words of a text stood before. */
export interface Ngrams {
  /** Tokens so far. */
  readonly length: number
  push(token: number): void
  /** The tokens that followed the last time when the text read as it does at its end; none if it never did. */
  follow(count: number): readonly number[]
}

/** Of two texts that both end so, the longer common end is the better guess. */
const LONG = 3
const SHORT = 2

export function createNgrams(): Ngrams {
  const tokens: number[] = []
  /** By the tokens before: the place after them. */
  const places = new Map<string, number>()
  const keyAt = (end: number, size: number): string => tokens.slice(end - size, end).join()

  return {
    get length() {
      return tokens.length
    },
    push(token) {
      const end = tokens.length
      // Only now something follows them.
      for (const size of [SHORT, LONG]) if (end >= size) places.set(keyAt(end, size), end)
      tokens.push(token)
    },
    follow(count) {
      const end = tokens.length
      for (const size of [LONG, SHORT]) {
        const place = end >= size ? places.get(keyAt(end, size)) : undefined
        // What goes beyond the end is taken to go round.
        if (place !== undefined) return Array.from({ length: count }, (_, i) => tokens[place + (i % (end - place))]!)
      }
      return []
    },
  }
}
