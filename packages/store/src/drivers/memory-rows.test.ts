import { rowDriverConformance } from '@stemkit/spec/testing'
import { describe, expect, test } from 'vitest'
import { memoryRows } from '../index.ts'

describe('rows in memory', () => {
  rowDriverConformance(test, async (geometry) => memoryRows(geometry))
})

describe('rows in shared memory', () => {
  rowDriverConformance(test, async ({ rows, rowBytes }) =>
    memoryRows({ rows, rowBytes, buffer: new SharedArrayBuffer(rows * rowBytes) }),
  )

  test('may be a part of a larger buffer, and are seen by whoever else holds it', async () => {
    const shared = new SharedArrayBuffer(64)
    const rows = memoryRows({ rows: 4, rowBytes: 8, buffer: new Uint8Array(shared, 16, 32) })
    await rows.write!(Uint32Array.of(1), new Uint8Array(8).fill(5))
    expect([...new Uint8Array(shared)].flatMap((byte, at) => (byte === 5 ? [at] : []))).toEqual([
      24, 25, 26, 27, 28, 29, 30, 31,
    ])
  })

  test('refuse a buffer of another size and any use after dispose', async () => {
    expect(() => memoryRows({ rows: 4, rowBytes: 8, buffer: new ArrayBuffer(31) })).toThrow('has 31 bytes')
    const rows = memoryRows({ rows: 4, rowBytes: 8 })
    await rows.dispose()
    await expect(rows.read(Uint32Array.of(0), new Uint8Array(8))).rejects.toThrow('already disposed')
  })
})
