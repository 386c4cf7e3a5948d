import { check } from './bench.ts'

/** Bytes that differ from row to row, from salt to salt, and along a row. */
export function pattern(ids: Uint32Array, rowBytes: number, salt: number): Uint8Array {
  const bytes = new Uint8Array(ids.length * rowBytes)
  for (let i = 0; i < ids.length; i++) {
    const seed = Math.imul(ids[i]! + 1, 0x9e3779b1) ^ Math.imul(salt + 1, 0x85ebca6b)
    for (let j = 0; j < rowBytes; j++) {
      const mixed = Math.imul(seed ^ Math.imul(j + 1, 0xc2b2ae35), 0x27d4eb2f)
      bytes[i * rowBytes + j] = (mixed ^ (mixed >>> 15)) >>> 8
    }
  }
  return bytes
}

export const equal = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && firstDifference(a, b) < 0

/** Fails naming the first row that is not as expected. */
export function checkRowsEqual(ids: Uint32Array, got: Uint8Array, expected: Uint8Array, what: string): void {
  const at = firstDifference(got, expected)
  if (at < 0) return
  const rowBytes = expected.length / ids.length
  const row = ids[Math.floor(at / rowBytes)]
  check(
    false,
    `${what}: byte ${at % rowBytes} of row ${row} is ${got[at]}, not ${expected[at]} (${ids.length} rows of ${rowBytes} bytes)`,
  )
}

function firstDifference(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return i
  return -1
}

export const range = (from: number, to: number): Uint32Array =>
  Uint32Array.from({ length: to - from }, (_, i) => from + i)

/** Repeatable numbers in [0, 1): mulberry32. */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Each of `rows` ids with the given chance, sorted. */
export function randomIds(random: () => number, rows: number, chance: number): Uint32Array {
  return range(0, rows).filter(() => random() < chance)
}
