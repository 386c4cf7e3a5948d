import { describe, expect, test } from 'vitest'
import { cachedAttention, concat, dispose, memory, ropeTables, tensor, tidy, zeros } from '../index.ts'
import type { AttentionCache, CacheScales, Tensor, Tensor1D, Tensor3D, Tensor4D } from '../index.ts'
import { normal } from './op-case.ts'
import * as reference from './reference.ts'

const [B, T, heads, kvHeads, hd, capacity] = [2, 6, 4, 2, 4, 8]
const THETA = 100
const q = normal(50, [B, T, heads * hd], 1.5).data
const k = normal(51, [B, T, kvHeads * hd], 1.5).data
const v = normal(52, [B, T, kvHeads * hd]).data

const positions = Array.from({ length: B * T }, (_, i) => i % T)
const expected = reference.attention(
  reference.rope(q, positions, heads, hd, THETA),
  reference.rope(k, positions, kvHeads, hd, THETA),
  v,
  { B, T, heads, kvHeads, hd },
)

/** Positions `from` to `to` of sequences `sequences` in x [B, T, width]. */
function part(x: ArrayLike<number>, width: number, sequences: readonly number[], from: number, to: number): Tensor3D {
  const data = sequences.flatMap((b) => Array.from(x).slice((b * T + from) * width, (b * T + to) * width))
  return tensor(Float32Array.from(data), [sequences.length, to - from, width]) as Tensor3D
}

function step(cache: AttentionCache, sequences: readonly number[], from: number, to: number, scales?: CacheScales) {
  const inputs = {
    q: part(q, heads * hd, sequences, from, to),
    k: part(k, kvHeads * hd, sequences, from, to),
    v: part(v, kvHeads * hd, sequences, from, to),
  }
  const last = tensor(Int32Array.from(sequences, () => to - 1)) as Tensor1D
  const place = { last, longest: tensor(Int32Array.of(to)) as Tensor1D }
  return cachedAttention(inputs, cache, place, ropeTables(capacity, hd, THETA), { heads, kvHeads, scales })
}

const empty = (sequences: number, width: number, value = 0): Tensor4D =>
  tensor(new Float32Array(sequences * kvHeads * capacity * width).fill(value), [
    sequences,
    kvHeads,
    capacity,
    width,
  ]) as Tensor4D

type Step = { out: Tensor } & AttentionCache

async function expectRows({ out }: Step, ...rows: [sequence: number, from: number, to: number][]): Promise<void> {
  const width = heads * hd
  const wanted = rows.flatMap(([b, from, to]) =>
    Array.from(expected.slice((b * T + from) * width, (b * T + to) * width)),
  )
  const found = await out.data()
  expect(found.length).toBe(wanted.length)
  expect(Math.max(...wanted.map((value, i) => Math.abs(value - found[i]!)))).toBeLessThan(5e-6)
}

/** That attention with a cache is attention, on the current backend. */
export function describeCachedAttention(backend: string): void {
  describe(`cachedAttention on ${backend}`, () => {
    test.each([
      ['in one go', [6]],
      ['a position at a time', [1, 2, 3, 4, 5, 6]],
      ['in chunks', [3, 4, 6]],
    ])('of whole sequences %s is attention under a causal mask', async (_, ends) => {
      const before = memory().numTensors
      // What stands behind the last position is not looked at.
      let cache: AttentionCache = { keys: empty(B, hd, 3), values: empty(B, hd, -7) }
      let from = 0
      for (const to of ends) {
        const next = tidy(() => step(cache, [0, 1], from, to))
        await expectRows(next, [0, from, to], [1, from, to])
        dispose([cache.keys, cache.values, next.out])
        cache = { keys: next.keys, values: next.values }
        from = to
      }
      dispose([cache.keys, cache.values])
      expect(memory().numTensors).toBe(before)
    })

    test('takes a cache that is wider than a head, and leaves the rest of it zero', async () => {
      const next = tidy(() => step({ keys: empty(1, 16), values: empty(1, 16) }, [1], 0, 4))
      await expectRows(next, [1, 0, 4])
      const rows = await next.keys.data()
      expect(rows.slice(0, hd).every((x) => x !== 0)).toBe(true)
      expect(rows.slice(hd, 16).every((x) => x === 0)).toBe(true)
      dispose([next.out, next.keys, next.values])
    })

    test('continues sequences of different lengths together', async () => {
      // Sequence 0 goes on at 4; sequence 1 forgets its last two positions and goes on at 2.
      const next = tidy(() => {
        const first = step({ keys: empty(B, hd), values: empty(B, hd) }, [0, 1], 0, 4)
        const rows = (x: ArrayLike<number>, width: number): Tensor3D =>
          concat([part(x, width, [0], 4, 5), part(x, width, [1], 2, 3)], 0)
        const place = {
          last: tensor(Int32Array.of(4, 2)) as Tensor1D,
          longest: tensor(Int32Array.of(5)) as Tensor1D,
        }
        const inputs = { q: rows(q, heads * hd), k: rows(k, kvHeads * hd), v: rows(v, kvHeads * hd) }
        return cachedAttention(inputs, first, place, ropeTables(capacity, hd, THETA), { heads, kvHeads })
      })
      await expectRows(next, [0, 4, 5], [1, 2, 3])
      dispose([next.out, next.keys, next.values])
    })

    test('rounds keys and values to units of their channels, if it is given any', async () => {
      const units = Float32Array.from({ length: kvHeads * hd }, (_, i) => 0.01 + 0.01 * i)
      const rounded = (x: ArrayLike<number>): number[] =>
        Array.from(x, (value, i) => {
          const unit = units[i % units.length]!
          return unit * Math.max(-128, Math.min(127, Math.round(value / unit)))
        })
      const wanted = reference.attention(
        reference.rope(q, positions, heads, hd, THETA),
        rounded(reference.rope(k, positions, kvHeads, hd, THETA)),
        rounded(v),
        { B, T, heads, kvHeads, hd },
      )
      const before = memory().numTensors
      const next = tidy(() => {
        const zero = (): Tensor4D => zeros([B, kvHeads, capacity, hd], 'int32')
        const scales = { keys: tensor(units) as Tensor1D, values: tensor(units) as Tensor1D }
        return step({ keys: zero(), values: zero() }, [0, 1], 0, T, scales)
      })
      expect(next.keys.dtype).toBe('int32')
      const found = await next.out.data()
      expect(Math.max(...Array.from(wanted, (value, i) => Math.abs(value - found[i]!)))).toBeLessThan(5e-6)
      // The first unit is too small for the largest values.
      const codes = await next.values.data()
      expect(Math.max(...codes)).toBe(127)
      expect(codes.every((code) => Number.isInteger(code) && Math.abs(code) <= 128)).toBe(true)
      dispose([next.out, next.keys, next.values])
      expect(memory().numTensors).toBe(before)
    })

    test('names what does not fit', () =>
      tidy(() => {
        expect(() => step({ keys: empty(B, 2), values: empty(B, 2) }, [0, 1], 0, 1)).toThrow(
          'cachedAttention: q is [2, 1, 16] and the cache [2, 2, 8, 2]',
        )
        const keys = zeros([B, kvHeads + 1, capacity, hd]) as Tensor4D
        expect(() => step({ keys, values: keys }, [0, 1], 0, 1)).toThrow('keys is float32 [2, 3, 8, 4]')
      }))
  })
}
