import { formatNumber } from '../format-number.ts'
import { grid, namesBelow, namesBeside, numericAxis } from './axes.ts'
import { axisTitle, type BarChart, type Point } from './chart.ts'
import type { Plot } from './draw.ts'
import { seriesColour } from './palette.ts'
import { position } from './scale.ts'

/** Pixels that a bar needs to carry its number. */
const NUMBER_WIDTH = 34

export function barPlot({ x, y, series, horizontal = false }: BarChart, width: number): Plot {
  const points = series.map(({ values }) => values.map((value): Point => [0, position(y, value)]))
  const bars = series.length * x.values.length
  const rowHeight = 14 + 20 * series.length
  const height = horizontal ? 70 + rowHeight * x.values.length : width > 500 ? 360 : 290
  const fromZero = y.scale !== 'log'
  const lengths = numericAxis(y, { dimension: 1, points, labels: horizontal ? 4 : 5, fit: 'round', fromZero })
  const side = namesBeside(x, { width, rowHeight })
  return {
    width,
    height,
    x: horizontal ? axisTitle(y) : x.label,
    y: horizontal ? x.label : axisTitle(y),
    option: {
      ...(horizontal
        ? { grid: { ...grid, left: side.room, right: 40, outerBoundsMode: 'none', bottom: 50 }, xAxis: lengths }
        : { grid, xAxis: namesBelow(x, width) }),
      yAxis: horizontal ? side.axis : lengths,
      series: series.map(({ colour, values }, index) => ({
        type: 'bar',
        silent: true,
        data: points[index]!.map(([, value]) => (Number.isNaN(value) ? '-' : value)),
        barMaxWidth: 48,
        barCategoryGap: '30%',
        barGap: '8%',
        itemStyle: { color: seriesColour(colour ?? index), borderRadius: horizontal ? [0, 3, 3, 0] : [3, 3, 0, 0] },
        label: {
          show: horizontal || (0.6 * width) / bars > NUMBER_WIDTH,
          position: horizontal ? 'right' : 'top',
          color: 'var(--ink)',
          fontSize: 12,
          formatter: ({ dataIndex }: { dataIndex: number }) => formatNumber(values[dataIndex]!),
        },
      })),
    },
  }
}
