import type { FrozenWeight } from '@stemkit/compile'
import type { Struct } from './structs.ts'

/** Rows that are computed together. */
const GROUP = 8

/** As assembly/structs.ts numbers them. */
export const KINDS = { float32: 0, float16: 1, bits4: 2, bits8: 3 } as const
export type Kind = keyof typeof KINDS

export function kindOf(weight: FrozenWeight): Kind {
  if ('bits' in weight) return weight.bits === 4 ? 'bits4' : 'bits8'
  return weight.data instanceof Uint16Array ? 'float16' : 'float32'
}

/** Words that hold one weight or some neighbours of a row, and what turns the weights into signed ones. */
const WORDS = {
  float32: { Words: Uint32Array, flip: 0 },
  float16: { Words: Uint16Array, flip: 0 },
  bits4: { Words: Uint32Array, flip: 0 },
  bits8: { Words: Uint16Array, flip: 0x8080 },
} as const

/** Addresses for so many bytes, one behind the other. */
export type Take = (bytes: number) => number

/** Where a matrix goes, and how its weights get there. */
export interface PlacedMatrix {
  readonly struct: Struct<'Matrix'>
  write(memory: WebAssembly.Memory): void
}

/**
 * Places a matrix [N, K] for the kernels: rows in groups of 8, of which the first word of each comes first, then the second word of
 * each: a vector register then has the same columns of several rows, and memory is read from one end to the other. A word is a
 * float32, a float16, 8 weights of 4 bits, or two of 8; those are signed here. Rows that fill up the last group are zero.
 */
export function placeMatrix(weight: FrozenWeight, take: Take): PlacedMatrix {
  const [rows, columns] = weight.shape as readonly [number, number]
  const kind = kindOf(weight)
  const { Words, flip } = WORDS[kind]
  const filled = Math.ceil(rows / GROUP) * GROUP
  const bytes = (weight.data.byteLength / rows) * filled
  const data = take(bytes)
  const scales = 'scales' in weight ? shortened(weight.scales) : undefined
  const scalesAt = scales ? take((scales.byteLength / rows) * filled) : 0
  return {
    struct: {
      kind: KINDS[kind],
      rows,
      columns,
      data,
      bytes,
      scales: scalesAt,
      areScalesShort: scales instanceof Uint16Array ? 1 : 0,
      block: 'block' in weight ? weight.block : columns,
    },
    write({ buffer }) {
      const words = viewOf(Words, weight.data)
      interleave(words, new Words(buffer, data, (words.length / rows) * filled), rows, flip)
      if (!scales) return
      const Scales = scales instanceof Uint16Array ? Uint16Array : Float32Array
      interleave(scales, new Scales(buffer, scalesAt, (scales.length / rows) * filled), rows, 0)
    },
  }
}

/** The upper halves of float32 numbers, if the lower ones are zero, as `packMatrix` makes them. */
function shortened(scales: Float32Array): Float32Array | Uint16Array {
  const bits = viewOf(Uint32Array, scales)
  return bits.every((each) => (each & 0xffff) === 0) ? Uint16Array.from(bits, (each) => each >>> 16) : scales
}

type Words = Uint32Array | Uint16Array

interface WordsType {
  readonly BYTES_PER_ELEMENT: number
  new (buffer: ArrayBufferLike, at: number, length: number): Words
}

/** The same bytes as words; a copy where they do not begin at a multiple of these. */
function viewOf(Words: WordsType, bytes: Uint8Array | Uint16Array | Float32Array): Words {
  const size = Words.BYTES_PER_ELEMENT
  const { buffer, byteOffset, byteLength } = bytes.byteOffset % size === 0 ? bytes : bytes.slice()
  return new Words(buffer, byteOffset, byteLength / size)
}

/** from [rows, words] -> to [groups, words, 8] */
function interleave(from: Words | Float32Array, to: Words | Float32Array, rows: number, flip: number): void {
  const perRow = from.length / rows
  for (let row = 0; row < rows; row++) {
    const start = row * perRow
    let at = Math.floor(row / GROUP) * GROUP * perRow + (row % GROUP)
    // Floats have no bits to flip.
    if (flip === 0) for (let i = 0; i < perRow; i++, at += GROUP) to[at] = from[start + i]!
    else for (let i = 0; i < perRow; i++, at += GROUP) to[at] = from[start + i]! ^ flip
  }
}
