import { describe, expect, it } from 'vitest'
import { packDocuments } from './pack.ts'
import { batchesInOrder } from './rows.ts'

describe('batchesInOrder', () => {
  const dataset = packDocuments(
    [
      [1, 2, 3, 4, 5],
      [6, 7],
    ],
    { length: 3, endOfText: 0 },
  )

  it('has batches of one size, the last filled up with rows that do not count', () => {
    const batches = [...batchesInOrder(dataset, 2)]
    expect(batches.map((batch) => [...batch.inputIds])).toEqual([
      [1, 2, 3, 4, 5, 0],
      [6, 7, 0, 0, 0, 0],
    ])
    expect([...batches[1]!.lossMask]).toEqual([1, 1, 0, 0, 0, 0])
    expect([...batches[1]!.documentIds]).toEqual([0, 0, 1, 0, 0, 0])
  })

  it('counts every prediction once, whatever the batch size', () => {
    for (const size of [1, 2, 3, 5]) {
      const counted = [...batchesInOrder(dataset, size)].flatMap((batch) => [...batch.lossMask])
      expect(counted.reduce((sum, mask) => sum + mask, 0)).toBe(dataset.report.counted)
    }
  })
})
