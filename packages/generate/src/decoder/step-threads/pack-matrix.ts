import type { FrozenWeight } from '@stemkit/compile'
import type { Struct } from './structs.ts'

/** Rows that are computed together. */
const GROUP = 8

/** As assembly/structs.ts numbers them. */
const KINDS = { float32: 0, float16: 1, bits4: 2, bits8: 3 } as const

/** Addresses for so many bytes, one behind the other. */
export type Take = (bytes: number) => number

/** Where a matrix goes, and how its weights get there. */
export interface PlacedMatrix {
  readonly struct: Struct<'Matrix'>
  write(memory: WebAssembly.Memory): void
}

type Words = Uint32Array | Uint16Array

/** A weight as words that hold one or more neighbours of a row. */
interface Worded {
  readonly kind: number
  readonly words: Words
  /** Turns signed bytes into unsigned ones, and back. */
  readonly flip: number
}

/**
 * Places a matrix [N, K] for the kernels: rows in groups of 8, of which the first word of each comes first, then the second word of
 * each: a vector register then has the same columns of several rows, and memory is read from one end to the other. A word is a
 * float32, a float16, 8 weights of 4 bits, or two of 8; those are signed here. Rows that fill up the last group are zero.
 */
export function placeMatrix(weight: FrozenWeight, take: Take): PlacedMatrix {
  const [rows, columns] = weight.shape as readonly [number, number]
  const { kind, words, flip } = wordsOf(weight)
  const groups = Math.ceil(rows / GROUP)
  const perRow = words.length / rows
  const data = take(groups * GROUP * perRow * words.BYTES_PER_ELEMENT)
  const scales = 'scales' in weight ? weight.scales : undefined
  const perRowScales = scales ? scales.length / rows : 0
  const scalesAt = scales ? take(groups * GROUP * perRowScales * 4) : 0
  return {
    struct: { kind, rows, columns, block: 'block' in weight ? weight.block : columns, data, scales: scalesAt },
    write({ buffer }) {
      const View = words instanceof Uint32Array ? Uint32Array : Uint16Array
      interleave(words, new View(buffer, data, groups * GROUP * perRow), rows, flip)
      if (scales) interleave(scales, new Float32Array(buffer, scalesAt, groups * GROUP * perRowScales), rows, 0)
    },
  }
}

function wordsOf(weight: FrozenWeight): Worded {
  const { data } = weight
  if ('bits' in weight) {
    return weight.bits === 4
      ? { kind: KINDS.bits4, words: viewOf(Uint32Array, data), flip: 0 }
      : { kind: KINDS.bits8, words: viewOf(Uint16Array, data), flip: 0x8080 }
  }
  return data instanceof Uint16Array
    ? { kind: KINDS.float16, words: data, flip: 0 }
    : { kind: KINDS.float32, words: viewOf(Uint32Array, data), flip: 0 }
}

/** The same bytes as other numbers; a copy where they do not begin at a multiple of these. */
function viewOf<T extends Words>(
  View: { readonly BYTES_PER_ELEMENT: number; new (buffer: ArrayBufferLike, at: number, length: number): T },
  bytes: Uint8Array | Uint16Array | Float32Array,
): T {
  const { buffer, byteOffset, byteLength } = byteOffsetFits(bytes, View.BYTES_PER_ELEMENT) ? bytes : bytes.slice()
  return new View(buffer, byteOffset, byteLength / View.BYTES_PER_ELEMENT)
}

const byteOffsetFits = ({ byteOffset }: ArrayBufferView, size: number): boolean => byteOffset % size === 0

/** from [rows, words] -> to [groups, words, 8] */
function interleave(from: Words | Float32Array, to: Words | Float32Array, rows: number, flip: number): void {
  const perRow = from.length / rows
  for (let row = 0; row < rows; row++) {
    const group = Math.floor(row / GROUP)
    let at = group * GROUP * perRow + (row % GROUP)
    const start = row * perRow
    if (flip === 0) for (let i = 0; i < perRow; i++, at += GROUP) to[at] = from[start + i]!
    else for (let i = 0; i < perRow; i++, at += GROUP) to[at] = from[start + i]! ^ flip
  }
}
