import { formatNumber, formatPower, prefixOf } from '../format-number.ts'

/** Where an axis begins and ends and what it names, all in screen proportions. */
export interface Ticks {
  readonly min: number
  readonly max: number
  readonly values: readonly number[]
  readonly label: (at: number) => string
}

/** `tight`: ends where the data end. `round`: ends at ticks. `loose`: a little beyond the data. */
export type Fit = 'tight' | 'round' | 'loose'

const SLACK = 1e-9

/** About `count` ticks at round numbers. All labels have the same decimals and the same prefix. */
export function linearTicks(low: number, high: number, count: number, fit: Fit): Ticks {
  const largest = Math.max(Math.abs(low), Math.abs(high))
  if (high - low < Math.max(1e-300, 1e-12 * largest)) {
    const half = largest < 1e-300 ? 0.5 : largest / 2
    return linearTicks(low - half, high + half, count, fit)
  }
  const margin = fit === 'loose' ? 0.06 * (high - low) : 0
  const step = roundStep((high - low + 2 * margin) / count)
  const [min, max] =
    fit === 'round'
      ? [Math.floor(low / step + SLACK) * step, Math.ceil(high / step - SLACK) * step]
      : [low - margin, high + margin]
  const first = Math.ceil(min / step - SLACK)
  const last = Math.floor(max / step + SLACK)
  const values = Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step)
  return { min, max, values, label: linearLabel(step, Math.max(Math.abs(min), Math.abs(max))) }
}

/** The 1, 2 or 5 times a power of ten nearest to a size, from below a little. */
function roundStep(size: number): number {
  const power = 10 ** Math.floor(Math.log10(size))
  const share = size / power
  return power * (share < 1.5 ? 1 : share < 3.5 ? 2 : share < 7.5 ? 5 : 10)
}

function linearLabel(step: number, largest: number): (at: number) => string {
  if (largest < 1e-3 || largest >= 1e21) return (at) => (Math.abs(at) < step / 2 ? '0' : formatPower(at))
  const { unit, sign } = prefixOf(largest)
  const decimals = Math.max(0, -Math.floor(Math.log10(step / unit) + SLACK))
  return (at) => {
    if (Math.abs(at) < step / 2) return '0'
    const digits = { minimumFractionDigits: decimals, maximumFractionDigits: decimals }
    return (at / unit).toLocaleString('en', digits).replace('-', '−') + sign
  }
}

/**
 * About `count` ticks of an axis that shows the powers of ten `low` to `high`: at every so many powers, or, where few
 * powers are in sight, at 1, 2 and 5 times them.
 */
export function logTicks(low: number, high: number, count: number, fit: Fit): Ticks {
  if (low === high) return logTicks(low - 0.5, high + 0.5, count, fit)
  const margin = (fit === 'tight' ? 0 : 0.04) * (high - low)
  const [min, max] = [low - margin, high + margin]
  const within: number[][] = []
  for (const [steps, every] of logSteps(max - min, count)) {
    const values: number[] = []
    for (let power = Math.floor(min / every) * every; power <= max; power += every)
      for (const step of steps) values.push(power + Math.log10(step))
    within.push(values.filter((value) => value >= min - SLACK && value <= max + SLACK))
  }
  // The finest that does not crowd; the coarsest if all do.
  const values = within.find((each) => each.length >= 2 && each.length <= 1.6 * count) ?? within.at(-1)!
  return { min, max, values, label: logLabel }
}

function* logSteps(powers: number, count: number): Generator<readonly [readonly number[], number]> {
  yield [[1, 1.2, 1.4, 1.6, 1.8, 2, 2.5, 3, 3.5, 4, 4.5, 5, 5.5, 6, 6.5, 7, 7.5, 8, 8.5, 9, 9.5], 1]
  yield [[1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9], 1]
  yield [[1, 2, 5], 1]
  yield [[1], 1]
  yield [[1], Math.max(1, Math.ceil(powers / count))]
}

function logLabel(at: number): string {
  const value = Number((10 ** at).toPrecision(4))
  return value >= 1e-3 && value < 1e6 ? formatNumber(value) : formatPower(value)
}
