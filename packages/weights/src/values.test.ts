import { StemkitError } from '@stemkit/spec/errors'
import { describe, expect, test } from 'vitest'
import { fromFloat32, fromTypedArray, toFloat32, toTypedArray } from './values.ts'
import type { Tensor } from './tensor.ts'

/** The same tensor at an address that suits no dtype but bytes. */
const misaligned = (tensor: Tensor): Tensor => {
  const memory = new Uint8Array(tensor.data.byteLength + 1)
  memory.set(tensor.data, 1)
  return { ...tensor, data: memory.subarray(1) }
}

const EVERY_DTYPE = [
  fromTypedArray('F64', [2], Float64Array.of(0.1, -2)),
  fromTypedArray('F32', [2], Float32Array.of(0.5, -2)),
  fromTypedArray('F16', [2], Uint16Array.of(0x3800, 0xc000)),
  fromTypedArray('BF16', [2], Uint16Array.of(0x3f00, 0xc000)),
  fromTypedArray('I64', [2], BigInt64Array.of(7n, -(2n ** 40n))),
  fromTypedArray('I32', [2], Int32Array.of(7, -70_000)),
  fromTypedArray('I16', [2], Int16Array.of(7, -7000)),
  fromTypedArray('I8', [2], Int8Array.of(7, -7)),
  fromTypedArray('U64', [2], BigUint64Array.of(7n, 2n ** 63n)),
  fromTypedArray('U32', [2], Uint32Array.of(7, 2 ** 31)),
  fromTypedArray('U16', [2], Uint16Array.of(7, 65535)),
  fromTypedArray('U8', [2], Uint8Array.of(7, 255)),
  fromTypedArray('BOOL', [2], Uint8Array.of(0, 1)),
]

describe('numbers of tensors', () => {
  test.each(EVERY_DTYPE)('$dtype: typed arrays and back, aligned or not', (tensor) => {
    for (const one of [tensor, misaligned(tensor)]) {
      expect(fromTypedArray(one.dtype, one.shape, toTypedArray(one))).toEqual(tensor)
    }
    expect(toTypedArray(tensor).buffer).toBe(tensor.data.buffer)
  })

  test('every dtype as 32-bit floats', () => {
    expect(EVERY_DTYPE.map((tensor) => Array.from(toFloat32(misaligned(tensor))))).toEqual([
      [Math.fround(0.1), -2],
      [0.5, -2],
      [0.5, -2],
      [0.5, -2],
      [7, -(2 ** 40)],
      [7, -70_000],
      [7, -7000],
      [7, -7],
      [7, 2 ** 63],
      [7, 2 ** 31],
      [7, 65535],
      [7, 255],
      [0, 1],
    ])
  })

  test('32-bit floats share memory, other dtypes are rounded to nearest', () => {
    const values = Float32Array.of(1, 0.1, NaN, -Infinity, 1e-7)
    expect(toFloat32(fromFloat32(values, [5])).buffer).toBe(values.buffer)
    expect(Array.from(toFloat32(fromFloat32(values, [5], 'F64')))).toEqual(Array.from(values))
    expect(Array.from(toFloat32(fromFloat32(values, [5], 'F16')))).toEqual([
      1,
      0.0999755859375,
      NaN,
      -Infinity,
      2 * 2 ** -24,
    ])
    expect(Array.from(toFloat32(fromFloat32(values, [5], 'BF16'))).slice(0, 4)).toEqual([
      1,
      0.10009765625,
      NaN,
      -Infinity,
    ])
  })

  test('refuses numbers that do not fill the shape, and arrays of another dtype', () => {
    const refusals = [
      () => fromFloat32(new Float32Array(5), [2, 3]),
      () => fromTypedArray('I32', [2], new Int32Array(3)),
      () => fromTypedArray('I32', [2], new Float32Array(2) as unknown as Int32Array),
    ]
    for (const refusal of refusals) expect(refusal).toThrow(StemkitError)
    expect(refusals[0]).toThrow('5 numbers do not fill the shape [2, 3]')
    expect(refusals[2]).toThrow('a Float32Array of 2 is no I32 tensor of shape [2]')
  })
})
