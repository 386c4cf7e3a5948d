import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { groupPositions } from './group-positions.ts'

test('gives each row its positions, in order, whatever was in the room', () => {
  fc.assert(
    fc.property(
      fc
        .integer({ min: 1, max: 20 })
        .chain((count) =>
          fc.record({ count: fc.constant(count), rows: fc.array(fc.integer({ min: 0, max: count - 1 })) }),
        ),
      ({ count, rows }) => {
        const room = { starts: new Uint32Array(count + 3).fill(9), positions: new Uint32Array(rows.length + 2).fill(9) }
        const { starts, positions } = groupPositions(Int32Array.from(rows), count, room)
        expect(starts).toHaveLength(count + 1)
        const groups = Array.from({ length: count }, (_, row) => [
          ...positions.subarray(starts[row]!, starts[row + 1]!),
        ])
        const wanted = groups.map((_, row) => rows.flatMap((each, position) => (each === row ? [position] : [])))
        expect(groups).toEqual(wanted)
      },
    ),
  )
})
