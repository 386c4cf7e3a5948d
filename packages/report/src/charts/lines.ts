import { grid, labelsAcross, numericAxis } from './axes.ts'
import { axisTitle, type LineChart } from './chart.ts'
import { MARGIN, type Plot } from './draw.ts'
import { seriesColour, seriesMarker } from './palette.ts'
import { place } from './scale.ts'
import { thin } from './thin.ts'

/** Room around the plot for labels, roughly: enough to know how many columns of pixels a curve has. */
const LABELS = 60

export function linePlot({ x, y, series }: LineChart, width: number): Plot {
  const height = width > 500 ? 380 : 300
  const columns = Math.round((width - LABELS - MARGIN.right) / 1.5)
  const placed = series.map(({ points }) => place(x, y, points))
  return {
    width,
    height,
    x: axisTitle(x),
    y: axisTitle(y),
    option: {
      grid,
      xAxis: numericAxis(x, { dimension: 0, points: placed, labels: labelsAcross(width), fit: 'tight' }),
      yAxis: numericAxis(y, { dimension: 1, points: placed, labels: 5, fit: 'round' }),
      series: series.map(({ style = 'line', faint = false, dashed = false, colour }, index) => {
        const tint = seriesColour(colour ?? index)
        return {
          type: 'line',
          silent: true,
          data: thin(placed[index]!, columns),
          z: faint ? 1 : style === 'points' ? 3 : 2,
          // A single point has no line to be seen by.
          showSymbol: style === 'points' || placed[index]!.length === 1,
          showAllSymbol: true,
          symbol: seriesMarker(colour ?? index),
          symbolSize: 6,
          itemStyle: { color: tint, opacity: faint ? 0.5 : 1 },
          lineStyle: {
            color: tint,
            width: faint ? 1 : 2,
            opacity: faint ? 0.4 : 1,
            type: dashed ? [6, 4] : 'solid',
            join: 'round',
          },
        }
      }),
    },
  }
}
