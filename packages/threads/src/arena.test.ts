import { StemkitError } from '@stemkit/spec/errors'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { arenaBytes, createArena } from './arena.ts'

test.each([true, false])(
  'gives out zeroed arrays that start at cache lines and do not overlap (shared: %s)',
  (shared) => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 20 }), (lengths) => {
        const bytes = lengths.reduce((sum, length, i) => sum + arenaBytes([length], i % 5 < 3 ? 4 : 1), 0)
        const arena = createArena(bytes, { shared })
        expect(arena.memory.buffer instanceof SharedArrayBuffer).toBe(shared)
        const kinds = [arena.float32, arena.int32, arena.uint32, arena.int8, arena.uint8]
        const arrays = lengths.map((length, i) => kinds[i % 5]!(length))
        arrays.forEach((array, i) => {
          expect(array.buffer).toBe(arena.memory.buffer)
          expect(array.byteOffset % 64).toBe(0)
          expect(array.length).toBe(lengths[i])
          expect(array.every((value) => value === 0)).toBe(true)
          array.fill(i + 1)
        })
        arrays.forEach((array, i) => expect(array.every((value) => value === i + 1)).toBe(true))
      }),
      { numRuns: 30 },
    )
  },
)

const errorOf = (action: () => unknown): string | undefined => {
  try {
    action()
  } catch (error) {
    return StemkitError.isInstance(error) ? `${error.code}: ${error.message}` : String(error)
  }
  return undefined
}

test('says when it is full', () => {
  const arena = createArena(arenaBytes([16000]), { what: 'memory of rows' })
  arena.float32(16000)
  expect(errorOf(() => arena.float32(16384))).toBe(
    'bad-input: memory of rows: no room for 16384 numbers after 64000 of 64000 bytes',
  )
  expect(errorOf(() => arena.float32(1.5))).toMatch(/^bad-input/)
})

test('says what would fit when too much is asked for', () => {
  const asked = arenaBytes([1, 2, 3, 4].map(() => 300_000_000))
  expect(errorOf(() => createArena(asked))).toBe('unsupported: memory: 4.5 GB asked, WebAssembly ends at 4.0 GB')
  expect(errorOf(() => createArena(asked, { advice: 'which is a billion numbers' }))).toMatch(
    /at 4\.0 GB, which is a billion numbers$/,
  )
})

test('reserves all of the 4 GB without touching them, and reaches their end', () => {
  const arena = createArena(2 ** 32)
  arena.float32(2 ** 30 - 16)
  const end = arena.float32(16)
  end[15] = 1
  expect(end.byteOffset).toBe(2 ** 32 - 64)
})
