import { unpackMatrix } from '@stemkit/weights'
import type { PackedMatrix } from '@stemkit/spec/packed-matrix'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { placeMatrix } from './place-matrix.ts'
import { readRow } from './read-row.ts'

/** What a matrix is in memory: its words, and its scales. */
function placed(weight: Parameters<typeof placeMatrix>[0]) {
  const memory = new WebAssembly.Memory({ initial: 1 })
  let used = 64
  const { struct, write } = placeMatrix(weight, (bytes) => (used += bytes) - bytes)
  write(memory)
  return { struct, memory, used }
}

test('eight rows lie side by side, word by word; rows that fill up are zero', () => {
  const data = Float32Array.from({ length: 10 * 3 }, (_, i) => i + 1)
  const { struct, memory, used } = placed({ shape: [10, 3], data })
  expect(struct).toEqual({
    kind: 0,
    rows: 10,
    columns: 3,
    block: 3,
    data: 64,
    bytes: 192,
    scales: 0,
    areScalesShort: 0,
  })
  expect(used).toBe(64 + 4 * 16 * 3)
  const words = new Float32Array(memory.buffer, 64, 16 * 3)
  const at = (row: number, column: number): number => words[Math.floor(row / 8) * 24 + column * 8 + (row % 8)]!
  for (let row = 0; row < 16; row++)
    for (let column = 0; column < 3; column++) expect(at(row, column)).toBe(row < 10 ? row * 3 + column + 1 : 0)
})

test('of 8 bits two neighbours are a word, and become signed', () => {
  const data = Uint8Array.from({ length: 8 * 16 }, (_, i) => i)
  const { memory } = placed({ shape: [8, 16], bits: 8, block: 16, data, scales: new Float32Array(8).fill(0.5) })
  const bytes = new Int8Array(memory.buffer, 64, 8 * 16)
  expect([...bytes.subarray(0, 4)]).toEqual([-128, -127, -112, -111])
  expect([...bytes.subarray(16, 18)]).toEqual([-126, -125])
})

test('scales take 16 bits where they fit', () => {
  const data = new Uint8Array(8 * 16)
  const scalesOf = (scale: number) => {
    const scales = new Float32Array(8).fill(scale)
    const { struct, memory } = placed({ shape: [8, 32], bits: 4, block: 32, data, scales })
    return { areShort: struct.areScalesShort, word: new Uint32Array(memory.buffer, struct.scales, 1)[0]! }
  }
  expect(scalesOf(1.5)).toEqual({ areShort: 1, word: 0x3fc03fc0 })
  expect(scalesOf(1.1)).toEqual({ areShort: 0, word: 0x3f8ccccd })
})

test('bytes that begin anywhere are read', () => {
  const data = new Uint8Array(new ArrayBuffer(8 * 16 + 1), 1).fill(0x21)
  const { memory } = placed({ shape: [8, 32], bits: 4, block: 32, data, scales: new Float32Array(8) })
  expect(new Uint32Array(memory.buffer, 64, 1)[0]).toBe(0x21212121)
})

test('a row of a packed matrix is what unpacking gives', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(4 as const, 8 as const),
      fc.integer({ min: 0, max: 4 }),
      fc.nat(),
      (bits, row, seed) => {
        const [N, K, block] = [5, 64, 16]
        const data = Uint8Array.from({ length: (N * K * bits) / 8 }, (_, i) => (seed + i * 37) & 255)
        const scales = Float32Array.from({ length: (N * K) / block }, (_, i) => 0.1 + i)
        const packed: PackedMatrix = { shape: [N, K], bits, block, data, scales }
        const found = new Float32Array(K)
        readRow(packed, row, found)
        expect(found).toEqual(unpackMatrix(packed).subarray(row * K, (row + 1) * K))
      },
    ),
  )
})

test('a row of half precision is widened', () => {
  const found = new Float32Array(2)
  readRow({ shape: [2, 2], data: Uint16Array.of(0, 0, 0x3c00, 0xc000) }, 1, found)
  expect([...found]).toEqual([1, -2])
})
