import { grid, labelsAcross, numericAxis } from './axes.ts'
import { axisTitle, type ScatterChart } from './chart.ts'
import type { Plot } from './draw.ts'
import { seriesColour, seriesMarker } from './palette.ts'
import { pictureText } from './picture-text.ts'
import { position } from './scale.ts'

/** From so many points on they are small dots, all round. */
const MANY = 200
/** More than a screen can tell apart: of each series, so many are drawn, evenly chosen. */
export const MOST_DOTS = 8000

export function scatterPlot({ x, y, series }: ScatterChart, width: number): Plot {
  // A point that an axis cannot show takes its label with it.
  const placed = series.map(({ points, labels }) =>
    points
      .map(([px, py], i) => ({
        value: [position(x, px), position(y, py)] as const,
        name: pictureText(labels?.[i] ?? ''),
      }))
      .filter(({ value }) => !value.some(Number.isNaN)),
  )
  const points = placed.map((each) => each.map(({ value }) => value))
  const many = points.reduce((sum, each) => sum + each.length, 0) > MANY
  return {
    width,
    height: width > 500 ? 380 : 300,
    x: axisTitle(x),
    y: axisTitle(y),
    option: {
      grid,
      xAxis: numericAxis(x, { dimension: 0, points, labels: labelsAcross(width), fit: 'loose' }),
      yAxis: numericAxis(y, { dimension: 1, points, labels: 5, fit: 'loose' }),
      series: series.map(({ colour, labels }, index) => ({
        type: 'scatter',
        silent: true,
        data: evenly(placed[index]!, MOST_DOTS),
        symbol: many ? 'circle' : seriesMarker(colour ?? index),
        symbolSize: many ? 3 : 8,
        itemStyle: { color: seriesColour(colour ?? index), opacity: 1 },
        label: {
          show: labels !== undefined && !many,
          position: 'right',
          color: 'var(--ink)',
          fontSize: 12,
          formatter: ({ name }: { name: string }) => name,
        },
        labelLayout: { hideOverlap: true },
      })),
    },
  }
}

/** At most `most` of some things, at equal distances. */
function evenly<T>(things: readonly T[], most: number): readonly T[] {
  if (things.length <= most) return things
  return Array.from({ length: most }, (_, i) => things[Math.floor((i * things.length) / most)]!)
}
