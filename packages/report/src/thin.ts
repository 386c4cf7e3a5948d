export type Point = readonly [x: number, y: number]

/**
 * At most `most` of the points, keeping the shape: of each stretch of equal length, the one that spans the largest
 * triangle with the point chosen before and the mean of the next stretch (Steinarsson 2013, "largest triangle three
 * buckets"). Points that are not finite are left out.
 */
export function thin(points: readonly Point[], most: number): Point[] {
  const finite = points.filter(([x, y]) => Number.isFinite(x) && Number.isFinite(y))
  if (finite.length <= most || most < 3) return finite
  const stretch = (finite.length - 2) / (most - 2)
  const bounds = (i: number): [number, number] => [Math.floor(i * stretch) + 1, Math.floor((i + 1) * stretch) + 1]
  const chosen: Point[] = [finite[0]!]
  for (let i = 0; i < most - 2; i++) {
    const [from, to] = bounds(i)
    const [nextFrom, nextTo] = bounds(i + 1)
    const next = finite.slice(nextFrom, Math.max(nextTo, nextFrom + 1))
    const ahead = next.length > 0 ? next : [finite.at(-1)!]
    const meanX = ahead.reduce((sum, [x]) => sum + x, 0) / ahead.length
    const meanY = ahead.reduce((sum, [, y]) => sum + y, 0) / ahead.length
    const [lastX, lastY] = chosen.at(-1)!
    let best = finite[from]!
    let largest = -1
    for (const point of finite.slice(from, to)) {
      const area = Math.abs((lastX - meanX) * (point[1] - lastY) - (lastX - point[0]) * (meanY - lastY))
      if (area > largest) [best, largest] = [point, area]
    }
    chosen.push(best)
  }
  return [...chosen, finite.at(-1)!]
}
