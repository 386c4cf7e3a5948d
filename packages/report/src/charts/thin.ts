import type { Point } from './chart.ts'

/**
 * At most four points for each of `columns` columns of the plot: first, lowest, highest, last. The line through them
 * covers the same pixels as the line through all (the M4 aggregation of Jugel et al., 2014), so peaks stay.
 * `points` are in screen proportions (logarithms where an axis is logarithmic), in order of x; NaN is a gap.
 */
export function thin(points: readonly Point[], columns: number): readonly Point[] {
  if (points.length <= 2 * columns) return points
  let [left, right] = [Infinity, -Infinity]
  for (const [x] of points) {
    if (x < left) left = x
    if (x > right) right = x
  }
  const columnOf = (x: number): number => Math.min(columns - 1, Math.floor(((x - left) / (right - left)) * columns))

  const kept: Point[] = []
  let from = 0
  while (from < points.length) {
    const column = columnOf(points[from]![0])
    let [to, lowest, highest] = [from + 1, from, from]
    while (to < points.length && columnOf(points[to]![0]) === column) {
      const y = points[to]![1]
      // The second half of each test: whatever a NaN was compared with, a number is better.
      if (y < points[lowest]![1] || Number.isNaN(points[lowest]![1])) lowest = to
      if (y > points[highest]![1] || Number.isNaN(points[highest]![1])) highest = to
      to++
    }
    const chosen = new Set([from, lowest, highest, to - 1].toSorted((a, b) => a - b))
    for (const index of chosen) kept.push(points[index]!)
    from = to
  }
  return kept
}
