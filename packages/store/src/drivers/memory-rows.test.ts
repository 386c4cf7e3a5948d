import { rowDriverConformance } from '@stemkit/spec/testing'
import { describe, expect, test } from 'vitest'
import { memoryRows } from './memory-rows.ts'

describe('rows in memory', () => {
  rowDriverConformance(test, { open: async (geometry) => memoryRows(geometry) })

  test('grow row by row and by much, over the borders of chunks', async () => {
    // Five rows to a chunk of 16 MiB.
    const rowBytes = 3 * 2 ** 20
    const driver = memoryRows({ rows: 1, rowBytes })
    const mark = (id: number): Uint8Array => new Uint8Array(rowBytes).fill(id + 1)
    await driver.write!(Uint32Array.of(0), mark(0))
    for (const rows of [2, 3, 6, 12, 13]) {
      await driver.resize!(rows)
      await driver.write!(Uint32Array.of(rows - 1), mark(rows - 1))
    }
    const ids = Uint32Array.from({ length: 13 }, (_, id) => id)
    const into = new Uint8Array(13 * rowBytes).fill(0xee)
    await driver.read(ids, into)
    const ends = Array.from(ids, (id) => [into[id * rowBytes], into[(id + 1) * rowBytes - 1]])
    const expected = Array.from(ids, (id) => ([0, 1, 2, 5, 11, 12].includes(id) ? [id + 1, id + 1] : [0, 0]))
    expect(ends).toEqual(expected)
  })
})

describe('rows in shared memory', () => {
  rowDriverConformance(test, {
    open: async ({ rows, rowBytes }) => memoryRows({ rows, rowBytes, buffer: new SharedArrayBuffer(rows * rowBytes) }),
    exempt: { resize: 'a buffer of the caller has the size that it has' },
  })

  test('may be a part of a larger buffer, and are seen by whoever else holds it', async () => {
    const shared = new SharedArrayBuffer(64)
    const rows = memoryRows({ rows: 4, rowBytes: 8, buffer: new Uint8Array(shared, 16, 32) })
    await rows.write!(Uint32Array.of(1), new Uint8Array(8).fill(5))
    expect([...new Uint8Array(shared)].flatMap((byte, at) => (byte === 5 ? [at] : []))).toEqual([
      24, 25, 26, 27, 28, 29, 30, 31,
    ])
  })

  test('refuse a buffer of another size and a geometry that is none', () => {
    expect(() => memoryRows({ rows: 4, rowBytes: 8, buffer: new ArrayBuffer(31) })).toThrow('has 31 bytes')
    expect(() => memoryRows({ rows: -1, rowBytes: 8 })).toThrow('rows is -1')
    expect(() => memoryRows({ rows: 4, rowBytes: 0.5 })).toThrow('rowBytes is 0.5')
  })
})
