import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import recorded from '../../fixtures/python/random.json' with { type: 'json' }
import { readRecord } from '../testing/read-record.ts'
import { pythonRandom } from './random.ts'

const { units } = readRecord('units') as {
  units: {
    python_random: {
      seed: string
      random: number[]
      then_getrandbits32: number[]
      then_randrange: number[]
      then_choices_of_13: number[]
      then_shuffle_of_9: number[]
    }[]
    python_sample: { seed: number; n: number; k: number; draws: number[][] }[]
  }
}

describe('pythonRandom', () => {
  it.each(recorded)('draws what CPython draws from seed $seed', (expected) => {
    const random = pythonRandom(BigInt(expected.seed))
    expect(expected.random.map(() => random.random())).toEqual(expected.random)
    for (const [bits, value] of expected.getrandbits) expect(String(random.getrandbits(Number(bits)))).toBe(value)
    for (const [stop = 0, value] of expected.randrange) expect(random.randrange(stop)).toBe(value)
    expect(expected.randint.map(() => random.randint(1000000, 9999999))).toEqual(expected.randint)
    const items = Array.from({ length: 17 }, (_, i) => i)
    expect(expected.choice.map(() => random.choice(items))).toEqual(expected.choice)
    expect(random.choices(items, 9)).toEqual(expected.choices)
    for (const [n, k, sample] of expected.sample) expect(random.sampleRange(Number(n), Number(k))).toEqual(sample)
    random.shuffle(items)
    expect(items).toEqual(expected.shuffled)
    expect(random.random()).toBe(expected.after)
  })

  it.each(units.python_random)('draws what the harness recorded of seed $seed', (expected) => {
    const random = pythonRandom(BigInt(expected.seed))
    expect(expected.random.map(() => random.random())).toEqual(expected.random)
    expect(expected.then_getrandbits32.map(() => Number(random.getrandbits(32)))).toEqual(expected.then_getrandbits32)
    const stops = [1, 2, 3, 10, 1000, 2 ** 20, 10 ** 12]
    expect(stops.map((stop) => random.randrange(stop))).toEqual(expected.then_randrange)
    const numbers = Array.from({ length: 13 }, (_, i) => i)
    expect(random.choices(numbers, 13)).toEqual(expected.then_choices_of_13)
    const shuffled = numbers.slice(0, 9)
    random.shuffle(shuffled)
    expect(shuffled).toEqual(expected.then_shuffle_of_9)
  })

  it.each(units.python_sample)('samples $k of $n as recorded of seed $seed', ({ seed, n, k, draws }) => {
    const random = pythonRandom(seed)
    expect(draws.map(() => random.sampleRange(n, k))).toEqual(draws)
  })

  it('samples different positions, from a pool and from a set', () => {
    fc.assert(
      fc.property(fc.integer(), fc.nat(300), fc.nat(40), (seed, n, wanted) => {
        const k = Math.min(n, wanted)
        const sample = pythonRandom(seed).sampleRange(n, k)
        expect(new Set(sample).size).toBe(k)
        expect(sample.every((i) => i >= 0 && i < n)).toBe(true)
      }),
    )
  })

  it('says what is wrong with a sample or a bound', () => {
    expect(() => pythonRandom(0).sampleRange(3, 4)).toThrow('a sample of 4 from 3')
    expect(() => pythonRandom(0).randrange(0)).toThrow('a draw below 0')
    expect(() => pythonRandom(0.5)).toThrow('0.5 is not an integer')
  })
})
