import { expect, test } from 'vitest'
import { formatNumber, formatPower } from './format-number.ts'

test.each([
  [0, '0'],
  [1.23456, '1.235'],
  [-2.5, '−2.5'],
  [9999, '9,999'],
  [9999.6, '10k'],
  [12345678, '12.35M'],
  [999_999, '1M'],
  [1.5e18, '1.5E'],
  [3e21, '3×10²¹'],
  [0.001, '0.001'],
  [0.00003, '3×10⁻⁵'],
  [-0.00012, '−1.2×10⁻⁴'],
  [Number.NaN, '–'],
  [Infinity, '∞'],
  [-Infinity, '−∞'],
])('%d is written %s', (value, text) => expect(formatNumber(value)).toBe(text))

test.each([
  [1000, '10³'],
  [2e13, '2×10¹³'],
  [-0.01, '−10⁻²'],
])('%d as a power is %s', (value, text) => expect(formatPower(value)).toBe(text))
