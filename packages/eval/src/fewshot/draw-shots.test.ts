import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { pythonRandom } from '../python/random.ts'
import type { Row } from '../tasks/rows.ts'
import { drawShots } from './draw-shots.ts'
import { poolOf } from './shot-pool.ts'

const rows: Row[] = ['a', 'b', 'a', 'c', 'd'].map((text) => ({ text }))
const samplerOf = (sampler: 'default' | 'first_n', seed = 1234) => ({
  pool: poolOf(rows),
  sampler,
  random: pythonRandom(seed),
})

describe('shots', () => {
  it('are drawn with one generator, document after document', () => {
    const sampler = samplerOf('default')
    // random.Random(1234): sample(range(5), 3), twice.
    expect([drawShots(sampler, 3), drawShots(sampler, 3)].map(({ used }) => used)).toEqual([
      [3, 0, 4],
      [0, 4, 2],
    ])
  })

  it('are the first ones where nothing is drawn', () => {
    expect(drawShots(samplerOf('first_n'), 2)).toEqual({ used: [0, 1] })
    expect(drawShots(samplerOf('first_n'), 2, { text: 'a' })).toEqual({ used: [1, 3] })
  })

  it('never equal the document; where two equal rows leave too few, that is an error', () => {
    fc.assert(
      fc.property(fc.nat(), fc.constantFrom('a', 'b', 'c', 'd'), (seed, text) => {
        try {
          const { drawn, used } = drawShots(samplerOf('default', seed), 2, { text })
          expect(drawn).toHaveLength(3)
          for (const index of used) expect(rows[index]).not.toEqual({ text })
        } catch (error) {
          expect([text, (error as Error).message]).toEqual([
            'a',
            expect.stringContaining('2 shots are asked for and 1 can'),
          ])
        }
      }),
    )
  })

  it('are refused where there are too few', () => {
    expect(() => drawShots(samplerOf('default'), 6)).toThrow('6 shots are asked for and 5 can be had')
    expect(() => drawShots(samplerOf('first_n'), 4, { text: 'a' })).toThrow('4 shots are asked for and 3 can be had')
  })
})
