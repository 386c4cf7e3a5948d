import { readdirSync, readFileSync, existsSync } from 'node:fs'
import { StemkitError } from '@stemkit/spec/errors'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { constant, linearDecay, warmupCosine } from './schedule.ts'

interface TrainFile {
  hyper: { steps: number; peak_lr: number; warmup_steps: number; min_lr_ratio: number }
  modes: Record<string, { lr: number[] }>
}

const oracle = new URL('../../../fixtures/oracle/', import.meta.url)
const curves = readdirSync(oracle)
  .map((name) => ({ name, file: new URL(`${name}/train.json`, oracle) }))
  .filter(({ file }) => existsSync(file))
  .flatMap(({ name, file }) => {
    const { hyper, modes } = JSON.parse(readFileSync(file, 'utf8')) as TrainFile
    return Object.entries(modes).map(([mode, { lr }]) => ({ name, mode, hyper, lr }))
  })

describe('warmupCosine', () => {
  test('the oracle has curves to compare with', () => expect(curves.length).toBeGreaterThan(7))

  test.each(curves)('gives the learning rates of $name, $mode', ({ hyper, lr }) => {
    const rate = warmupCosine({
      peak: hyper.peak_lr,
      warmup: hyper.warmup_steps,
      steps: hyper.steps,
      floor: hyper.min_lr_ratio,
    })
    expect(lr).toHaveLength(hyper.steps)
    lr.forEach((expected, step) => expect(Math.abs(rate(step) - expected)).toBeLessThanOrEqual(1e-17))
  })

  test('without a warm-up the first step has the peak rate', () => {
    expect(warmupCosine({ peak: 0.5, steps: 10 })(0)).toBe(0.5)
  })
})

const decay = fc
  .record({
    peak: fc.double({ min: 1e-6, max: 1, noNaN: true }),
    warmup: fc.nat(50),
    rest: fc.integer({ min: 1, max: 200 }),
    floor: fc.double({ min: 0, max: 1, noNaN: true }),
  })
  .map(({ rest, ...options }) => ({ ...options, steps: options.warmup + rest }))

describe.each([
  ['warmupCosine', warmupCosine],
  ['linearDecay', linearDecay],
])('%s', (_, make) => {
  test('rises to the peak, falls to the floor, stays there', () => {
    fc.assert(
      fc.property(decay, (options) => {
        const rate = make(options)
        for (let s = 1; s <= options.steps + 3; s++) {
          const [before, now] = [rate(s - 1), rate(s)]
          if (s <= options.warmup) expect(now).toBeGreaterThan(before)
          else expect(now).toBeLessThanOrEqual(before)
        }
        expect(rate(options.warmup)).toBeCloseTo(options.peak, 12)
        expect(rate(options.steps)).toBeCloseTo(options.peak * options.floor, 12)
        expect(rate(options.steps + 1000)).toBe(rate(options.steps))
      }),
    )
  })

  test.each([
    { peak: Number.NaN, steps: 10 },
    { peak: -1, steps: 10 },
    { peak: 1, steps: 10, warmup: 10 },
    { peak: 1, steps: 10, warmup: 1.5 },
    { peak: 1, steps: 10, floor: 2 },
  ])('refuses %o', (options) => {
    expect(() => make(options)).toThrow(expect.objectContaining({ code: 'bad-input' }))
  })
})

test('linearDecay is half way down at half time', () => {
  expect(linearDecay({ peak: 2, warmup: 2, steps: 12 })(7)).toBe(1)
})

test('constant is constant, and refuses what is no rate', () => {
  expect([0, 1, 1e6].map(constant(0.25))).toEqual([0.25, 0.25, 0.25])
  expect(() => constant(Number.POSITIVE_INFINITY)).toThrow(StemkitError)
})
