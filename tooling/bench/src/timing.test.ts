import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { interleave, median, medianRatio, type Side } from './timing.ts'

const timing = (samples: number[]) => ({ samples, median: median(samples), fastest: 0, slowest: 0 })

describe('interleave', () => {
  test('takes turns, back and forth, and drops the warm-up', async () => {
    const order: string[] = []
    const side = (name: string): Side => {
      let count = 0
      return {
        run: async () => {
          order.push(name)
          return ++count
        },
      }
    }
    const times = await interleave({ a: side('a'), b: side('b') }, { rounds: 3, warmUp: 1 })
    expect(order.join(' ')).toBe('b a a b b a a b')
    expect(times.a).toEqual({ samples: [2, 3, 4], median: 3, fastest: 2, slowest: 4 })
  })

  test('lets one side run at a time, and all again afterwards, also when one fails', async () => {
    const running = new Set<string>(['a', 'b'])
    const seen: string[] = []
    const side = (name: string, fails: boolean): Side => ({
      pause: () => void running.delete(name),
      resume: () => void running.add(name),
      async run() {
        seen.push([...running].join('+'))
        if (fails) throw new Error('broken')
      },
    })
    await interleave({ a: side('a', false), b: side('b', false) }, { rounds: 2, warmUp: 0 })
    expect(seen).toEqual(['a', 'b', 'b', 'a'])
    await expect(interleave({ a: side('a', false), b: side('b', true) }, { warmUp: 0 })).rejects.toThrow('broken')
    expect(running).toEqual(new Set(['a', 'b']))
  })

  test('times a side that does not measure itself', async () => {
    const wait = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20))
    const { slow } = await interleave({ slow: { run: wait } }, { rounds: 1, warmUp: 0 })
    expect(slow.median).toBeGreaterThan(15)
  })

  test('stops when cancelled', async () => {
    const controller = new AbortController()
    const run = async (): Promise<void> => controller.abort()
    await expect(interleave({ a: { run } }, { signal: controller.signal })).rejects.toThrow(/abort/i)
  })
})

test('at most half of the values lie below the median, at most half above', () => {
  fc.assert(
    fc.property(fc.array(fc.integer(), { minLength: 1 }), (values) => {
      const middle = median(values)
      expect(values.filter((value) => value < middle).length).toBeLessThanOrEqual(values.length / 2)
      expect(values.filter((value) => value > middle).length).toBeLessThanOrEqual(values.length / 2)
    }),
    { examples: [[[4, 1, 3, 2]]] },
  )
  expect(median([4, 1, 3, 2])).toBe(2.5)
})

test('a ratio compares what was timed in the same round', () => {
  expect(medianRatio(timing([10, 200, 12]), timing([5, 100, 6]))).toBe(2)
})
