import type { Axis, Point } from './chart.ts'

/** Beyond it, differences and ratios of values would overflow. */
const LARGEST = 1e150

/** Where a value stands on an axis, in proportions of the screen: NaN for what the axis cannot show. */
export function position(axis: Axis, value: number): number {
  if (!(Math.abs(value) <= LARGEST)) return Number.NaN
  if (axis.scale !== 'log') return value
  return value > 0 ? Math.log10(value) : Number.NaN
}

/** Points in screen proportions. Without an x a point is left out; without a y it is a gap. */
export const place = (x: Axis, y: Axis, points: readonly Point[]): Point[] =>
  points.map(([px, py]) => [position(x, px), position(y, py)] as const).filter(([px]) => !Number.isNaN(px))

/** How many points logarithmic axes leave out. */
export function countHidden(x: Axis, y: Axis, points: readonly Point[]): number {
  const hidden = (axis: Axis, value: number): boolean => axis.scale === 'log' && value <= 0
  return points.filter(([px, py]) => hidden(x, px) || hidden(y, py)).length
}

/** Smallest and largest of numbers, those that are not finite left out; undefined if there are none. */
export function extent(values: Iterable<number>): [number, number] | undefined {
  let [low, high] = [Infinity, -Infinity]
  for (const value of values) {
    if (!Number.isFinite(value)) continue
    if (value < low) low = value
    if (value > high) high = value
  }
  return low <= high ? [low, high] : undefined
}
