import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createLoader, type Loader, type LoaderOptions, type LoaderState } from './loader.ts'
import { packDocuments, type PackedDataset } from './pack.ts'

/** `sequences` sequences of 3 tokens whose first token is the number of the sequence, plus `base`. */
const numbered = (sequences: number, base = 0): PackedDataset => {
  const ids = Array.from({ length: sequences * 3 }, (_, i) => (i % 3 === 0 ? base + i / 3 : 999))
  return packDocuments([ids], { length: 3, endOfText: 1000 })
}
const firstsOf = (loader: Loader, batches: number): number[] =>
  Array.from({ length: batches }, () => loader.next()).flatMap((batch) =>
    Array.from({ length: batch.size }, (_, row) => batch.inputIds[row * batch.length]!),
  )
const throughJson = (state: LoaderState): LoaderState => JSON.parse(JSON.stringify(state)) as LoaderState

describe('a loader', () => {
  it('gives every sequence once in an epoch, in an order of its own for each', () => {
    const firsts = firstsOf(createLoader({ sequences: numbered(20), batchSize: 4, seed: 5 }), 10)
    const epochs = [firsts.slice(0, 20), firsts.slice(20)]
    for (const epoch of epochs) expect(epoch.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, i) => i))
    expect(epochs[0]).not.toEqual(epochs[1])
  })

  it('keeps the order of the data without shuffling', () => {
    expect(firstsOf(createLoader({ sequences: numbered(3), batchSize: 2, shuffle: false }), 3)).toEqual([
      0, 1, 2, 0, 1, 2,
    ])
  })

  it('gives the same for the same seed, something else for another', () => {
    const [first, again, other] = [7, 7, 8].map((seed) =>
      firstsOf(createLoader({ sequences: numbered(30), batchSize: 3, seed }), 10),
    )
    expect(again).toEqual(first)
    expect(other).not.toEqual(first)
  })

  it('is iterated without end', () => {
    const seen: number[] = []
    for (const batch of createLoader({ sequences: numbered(2), batchSize: 1, shuffle: false })) {
      seen.push(batch.inputIds[0]!)
      if (seen.length === 5) break
    }
    expect(seen).toEqual([0, 1, 0, 1, 0])
  })
})

describe('a mixture', () => {
  const parts = [
    { sequences: numbered(40), weight: 3 },
    { sequences: numbered(10, 100), weight: 1 },
    { sequences: numbered(7, 200), weight: 0.5 },
  ]

  it('keeps to the weights at every moment', () => {
    const loader = createLoader({ sequences: parts, batchSize: 1 })
    const counts = [0, 0, 0]
    for (let total = 1; total <= 500; total++) {
      counts[Math.floor(firstsOf(loader, 1)[0]! / 100)]! += 1
      for (const [i, { weight }] of parts.entries())
        expect(Math.abs(counts[i]! - (total * weight) / 4.5)).toBeLessThan(2)
    }
  })

  it('goes through each part epoch by epoch', () => {
    const firsts = firstsOf(createLoader({ sequences: parts, batchSize: 9 }), 10)
    const small = firsts.filter((first) => first >= 100 && first < 200)
    expect(small.slice(0, 10).toSorted((a, b) => a - b)).toEqual(Array.from({ length: 10 }, (_, i) => 100 + i))
  })
})

describe('state and restore', () => {
  const options = (): fc.Arbitrary<LoaderOptions> =>
    fc.record({
      sequences: fc.oneof(
        fc.integer({ min: 1, max: 20 }).map((count) => numbered(count)),
        fc
          .array(fc.tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 9 })), {
            minLength: 1,
            maxLength: 3,
          })
          .map((sizes) => sizes.map(([count, weight], i) => ({ sequences: numbered(count, 100 * i), weight }))),
      ),
      batchSize: fc.integer({ min: 1, max: 5 }),
      seed: fc.maxSafeNat(),
      shuffle: fc.boolean(),
    })

  it('resume exactly, at any point, also in another process or with another batch size', () => {
    fc.assert(
      fc.property(options(), fc.nat(30), fc.integer({ min: 1, max: 5 }), (given, before, otherSize) => {
        const loader = createLoader(given)
        firstsOf(loader, before)
        const state = throughJson(loader.state())
        const expected = firstsOf(loader, 60)
        const resumed = createLoader(given)
        resumed.restore(state)
        expect(resumed.state()).toEqual(state)
        expect(firstsOf(resumed, 60)).toEqual(expected)
        const other = createLoader({ ...given, batchSize: otherSize })
        other.restore(state)
        expect(firstsOf(other, 12).slice(0, 12)).toEqual(expected.slice(0, 12))
        loader.restore(state)
        expect(firstsOf(loader, 60)).toEqual(expected)
      }),
    )
  })

  const loader = createLoader({ sequences: numbered(5), batchSize: 2, seed: 1 })
  const mixture = [{ sequences: numbered(5), weight: 2 }]
  it.each([
    [
      'other data',
      createLoader({ sequences: numbered(6), batchSize: 2, seed: 1 }).state(),
      /data set 0 is [0-9a-f]+, it was taken from/,
    ],
    ['another seed', { ...loader.state(), seed: 2 }, /taken with seed 2, here it is 1/],
    ['another order', { ...loader.state(), shuffle: false }, /shuffling was off/],
    [
      'another weight',
      createLoader({ sequences: mixture, batchSize: 2, seed: 1 }).state(),
      /had weight 2, here it is 1/,
    ],
    ['more data sets', { ...loader.state(), parts: [] }, /of 0 data sets, here there are 1/],
    ['something else', {} as LoaderState, /it is not one/],
    [
      'a place that cannot be',
      { ...loader.state(), parts: [{ ...loader.state().parts[0]!, drawn: -1 }] },
      /place in data set 0 is -1/,
    ],
  ])('refuse a state of %s, changing nothing', (_, state, message) => {
    const before = loader.state()
    expect(() => loader.restore(throughJson(state))).toThrow(message)
    expect(loader.state()).toEqual(before)
  })
})

describe('what cannot be loaded', () => {
  const data = numbered(2)
  const other = packDocuments([[1, 2, 3]], { length: 2, endOfText: 0 })
  it.each<[string, LoaderOptions, RegExp]>([
    ['no data set', { sequences: [], batchSize: 1 }, /at least one data set/],
    ['a weight of nothing', { sequences: [{ sequences: data, weight: 0 }], batchSize: 1 }, /positive number, not 0/],
    [
      'different lengths',
      { sequences: [data, other].map((sequences) => ({ sequences, weight: 1 })), batchSize: 1 },
      /lengths 3 and 2/,
    ],
    ['a batch of nothing', { sequences: data, batchSize: 0 }, /cannot have 0 sequences/],
    ['a seed that is no integer', { sequences: data, batchSize: 1, seed: 0.5 }, /not 0.5/],
  ])('%s', (_, given, message) => {
    expect(() => createLoader(given)).toThrow(message)
  })
})
