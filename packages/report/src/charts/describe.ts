import { formatNumber } from '../format-number.ts'
import { axisTitle, type Axis, type Chart, type Heatmap, type Point } from './chart.ts'
import { heatRange, poolSize } from './heatmap.ts'
import { countHidden, extent } from './scale.ts'
import { MOST_DOTS } from './scatter.ts'

const MOST_SERIES = 12
const PLAIN: Axis = { label: '' }

/** What a chart shows, in words, for those who cannot see it. */
export function describeChart(chart: Chart): string {
  switch (chart.type) {
    case 'heatmap': {
      const { min, max } = heatRange(chart)
      const size = `${chart.y.values.length} by ${chart.x.values.length}`
      return `Heat map of ${axisTitle(chart.value)}, ${size}: ${chart.y.label} down, ${chart.x.label} across; from ${formatNumber(min)} to ${formatNumber(max)}.`
    }
    case 'bar':
      return sentences(
        `Bar chart of ${axisTitle(chart.y)} by ${chart.x.label}`,
        chart.series.map(({ name, values }) => `${name}: ${rangeOf(values)}`),
      )
    case 'histogram':
      return sentences(
        `Histogram of ${axisTitle(chart.x)}`,
        chart.series.map(({ name, values }) => `${name}: ${values.length} values, ${rangeOf(values)}`),
      )
    case 'scatter':
      return sentences(
        `Scatter plot of ${axisTitle(chart.y)} against ${axisTitle(chart.x)}`,
        chart.series.map(({ name, points }) => `${name}: ${points.length} points`),
      )
    default:
      return sentences(
        `Line chart of ${axisTitle(chart.y)} against ${axisTitle(chart.x)}`,
        chart.series.map(({ name, points }) => `${name}: ${courseOf(points)}`),
      )
  }
}

/** What is not shown as it is, one sentence each. */
export function remarks(chart: Chart): string[] {
  if (chart.type === 'heatmap') {
    const { columns, rows } = poolSize(chart)
    return columns * rows === 1 ? [] : [`Each cell is the mean of up to ${rows} by ${columns} values.`]
  }
  const hidden = hiddenPoints(chart)
  const sampled = chart.type === 'scatter' && chart.series.some(({ points }) => points.length > MOST_DOTS)
  return [
    ...(hidden > 0
      ? [`${formatNumber(hidden)} values are not shown: a logarithmic axis has no place for zero and less.`]
      : []),
    ...(sampled ? [`At most ${formatNumber(MOST_DOTS)} points of a series are drawn, evenly chosen.`] : []),
  ]
}

function hiddenPoints(chart: Exclude<Chart, Heatmap>): number {
  const count = (x: Axis, y: Axis, series: readonly (readonly Point[])[]): number =>
    series.reduce((sum, points) => sum + countHidden(x, y, points), 0)
  if (chart.type === 'bar')
    return count(
      PLAIN,
      chart.y,
      chart.series.map(({ values }) => values.map((value) => [1, value])),
    )
  if (chart.type === 'histogram')
    return count(
      chart.x,
      PLAIN,
      chart.series.map(({ values }) => values.map((value) => [value, 1])),
    )
  return count(
    chart.x,
    chart.y,
    chart.series.map(({ points }) => points),
  )
}

function sentences(beginning: string, parts: readonly string[]): string {
  const more = parts.length > MOST_SERIES ? [`and ${parts.length - MOST_SERIES} more`] : []
  return `${beginning}. ${[...parts.slice(0, MOST_SERIES), ...more].join('. ')}.`
}

function courseOf(points: readonly Point[]): string {
  const first = points.find(([, y]) => Number.isFinite(y))
  const last = points.findLast(([, y]) => Number.isFinite(y))
  if (!first || !last) return 'no values'
  if (first === last) return `${formatNumber(first[1])} at ${formatNumber(first[0])}`
  return `from ${formatNumber(first[1])} at ${formatNumber(first[0])} to ${formatNumber(last[1])} at ${formatNumber(last[0])}`
}

function rangeOf(values: readonly number[]): string {
  const [low, high] = extent(values) ?? []
  if (low === undefined || high === undefined) return 'no values'
  return low === high ? formatNumber(low) : `${formatNumber(low)} to ${formatNumber(high)}`
}
