import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { linearTicks, logTicks, type Fit } from './ticks.ts'

const fits = fc.constantFrom<Fit>('tight', 'round', 'loose')
const labels = ({ values, label }: ReturnType<typeof linearTicks>): string[] => values.map(label)

describe('ticks of a linear axis', () => {
  test.each([
    [0, 130e12, 7, 'tight', ['0', '20T', '40T', '60T', '80T', '100T', '120T']],
    [4.3, 9.05, 5, 'round', ['4', '5', '6', '7', '8', '9', '10']],
    [4.66, 4.73, 4, 'loose', ['4.66', '4.68', '4.70', '4.72']],
    [-0.5, 0.5, 4, 'tight', ['−0.4', '−0.2', '0', '0.2', '0.4']],
    [0, 3e-4, 3, 'tight', ['0', '10⁻⁴', '2×10⁻⁴', '3×10⁻⁴']],
    [0, 12_000, 4, 'tight', ['0', '2k', '4k', '6k', '8k', '10k', '12k']],
  ] as const)('from %d to %d', (low, high, count, fit, expected) => {
    expect(labels(linearTicks(low, high, count, fit))).toEqual(expected)
  })

  test('lie within the axis, which holds the data, and are never many', () => {
    const number = fc.double({ min: -1e15, max: 1e15, noNaN: true })
    fc.assert(
      fc.property(number, number, fc.integer({ min: 3, max: 8 }), fits, (a, b, count, fit) => {
        const [low, high] = [Math.min(a, b), Math.max(a, b)]
        fc.pre(high - low > 1e-6 * Math.max(Math.abs(low), Math.abs(high)) || high === low)
        const { min, max, values } = linearTicks(low, high, count, fit)
        const slack = 1e-6 * (max - min)
        expect(min).toBeLessThanOrEqual(low + slack)
        expect(max).toBeGreaterThanOrEqual(high - slack)
        expect(values.length).toBeGreaterThanOrEqual(2)
        expect(values.length).toBeLessThanOrEqual(2 * count + 2)
        for (const value of values) {
          expect(value).toBeGreaterThanOrEqual(min - slack)
          expect(value).toBeLessThanOrEqual(max + slack)
        }
      }),
    )
  })

  test('of a single value are around it', () => {
    const { min, max } = linearTicks(5, 5, 4, 'tight')
    expect(min).toBeLessThan(5)
    expect(max).toBeGreaterThan(5)
  })
})

describe('ticks of a logarithmic axis', () => {
  test.each([
    [Math.log10(4.2), Math.log10(9.1), 5, ['5', '6', '7', '8', '9']],
    [0, 2, 6, ['1', '2', '5', '10', '20', '50', '100']],
    [9, 14, 5, ['10⁹', '10¹⁰', '10¹¹', '10¹²', '10¹³', '10¹⁴']],
    [-4, 20, 5, ['10⁻⁵', '1', '100k', '10¹⁰', '10¹⁵', '10²⁰']],
  ])('from 10^%d to 10^%d', (low, high, count, expected) => {
    expect(labels(logTicks(low, high, count, 'tight'))).toEqual(expected.filter((_, i) => i > 0 || low !== -4))
  })

  test('are there at all distances, and never many', () => {
    const power = fc.double({ min: -12, max: 20, noNaN: true })
    fc.assert(
      fc.property(power, power, fc.integer({ min: 3, max: 8 }), fits, (a, b, count, fit) => {
        fc.pre(Math.abs(a - b) > 0.1)
        const { min, max, values } = logTicks(Math.min(a, b), Math.max(a, b), count, fit)
        expect(values.length).toBeGreaterThanOrEqual(1)
        expect(values.length).toBeLessThanOrEqual(2 * count)
        expect(values.every((value) => value >= min - 1e-6 && value <= max + 1e-6)).toBe(true)
      }),
    )
  })
})
