import { grid, labelsAcross, numericAxis } from './axes.ts'
import { axisTitle, type Axis, type Histogram, type Point } from './chart.ts'
import type { Plot } from './draw.ts'
import { seriesColour } from './palette.ts'
import { extent, position } from './scale.ts'

const COUNT: Axis = { label: 'count' }

/** Each series as the outline of its bars, filled, so that several can lie over each other. */
export function histogramPlot({ x, bins, series }: Histogram, width: number): Plot {
  const placed = series.map(({ values }) =>
    values.map((value) => position(x, value)).filter((value) => !Number.isNaN(value)),
  )
  const { edges, counts } = countInBins(placed, bins)
  const outlines = counts.map((each): Point[] => [
    [edges[0]!, 0],
    ...each.map((count, i): Point => [edges[i]!, count]),
    [edges.at(-1)!, each.at(-1) ?? 0],
    [edges.at(-1)!, 0],
  ])
  return {
    width,
    height: width > 500 ? 340 : 280,
    x: axisTitle(x),
    y: COUNT.label,
    option: {
      grid,
      xAxis: numericAxis(x, { dimension: 0, points: outlines, labels: labelsAcross(width), fit: 'tight' }),
      yAxis: numericAxis(COUNT, { dimension: 1, points: outlines, labels: 5, fit: 'round', fromZero: true }),
      series: series.map(({ colour }, index) => ({
        type: 'line',
        step: 'end',
        silent: true,
        showSymbol: false,
        data: outlines[index]!,
        lineStyle: { color: seriesColour(colour ?? index), width: 1.5 },
        areaStyle: { color: seriesColour(colour ?? index), opacity: series.length > 1 ? 0.2 : 0.4 },
      })),
    },
  }
}

/** Edges of the bins, one more than bins, and how many values of each group lie in each; the last bin has both its ends. */
export function countInBins(
  groups: readonly (readonly number[])[],
  bins?: number,
): { edges: number[]; counts: number[][] } {
  const most = Math.max(...groups.map(({ length }) => length))
  let [low, high] = extent(groups.flat()) ?? [0, 1]
  if (low === high) [low, high] = [low - 0.5, high + 0.5]
  const number = bins ?? Math.min(80, Math.max(5, Math.ceil(2 * Math.cbrt(most))))
  const edges = Array.from({ length: number + 1 }, (_, i) => (i < number ? low + ((high - low) * i) / number : high))
  const counts = groups.map((values) => {
    const each = Array.from({ length: number }, () => 0)
    for (const value of values) each[Math.min(number - 1, Math.floor(((value - low) / (high - low)) * number))]!++
    return each
  })
  return { edges, counts }
}
