import { formatNumber } from '../format-number.ts'
import { grid, namesBelow, namesBeside } from './axes.ts'
import type { Categories, Heatmap } from './chart.ts'
import type { Plot } from './draw.ts'
import { heatColour, inkOn } from './palette.ts'
import { extent } from './scale.ts'

/** More columns or rows than this are averaged in groups: their cells would be thinner than a few pixels. */
const MOST = { columns: 96, rows: 80 } as const
/** Shades where cells carry no numbers; few enough that cells of one shade are drawn as one shape. */
const SHADES = 40

export function heatmapPlot(chart: Heatmap, width: number): Plot {
  const { diverging = false } = chart
  const { min, max } = heatRange(chart)
  const { x, y, values } = poolCells(chart)
  const rowHeight = Math.min(40, Math.max(6, (width > 500 ? 420 : 340) / y.values.length))
  const side = namesBeside(y, { width, rowHeight })
  const cellWidth = (width - side.room) / x.values.length
  const labelled = cellWidth > 38 && rowHeight > 18
  const shade = (value: number): number => {
    const share = (value - min) / (max - min)
    return labelled ? share : Math.round(share * SHADES) / SHADES
  }
  const cells = values
    .flatMap((row, j) => row.map((value, i) => ({ i, j, value, shade: shade(value) })))
    .filter(({ value }) => Number.isFinite(value))
    .toSorted((a, b) => a.shade - b.shade)
  return {
    width,
    height: Math.round(76 + rowHeight * y.values.length),
    x: x.label,
    y: y.label,
    option: {
      // Through the empty places shows the card that the plot lies on.
      grid: {
        ...grid,
        left: side.room,
        bottom: 50,
        outerBoundsMode: 'none',
        show: true,
        backgroundColor: 'var(--card)',
        borderWidth: 0,
      },
      xAxis: namesBelow(x, width - side.room),
      yAxis: side.axis,
      series: [
        {
          type: 'heatmap',
          silent: true,
          data: cells.map(({ i, j, value, shade: share }) => {
            const colour = heatColour(share, diverging)
            return {
              value: [i, j, value],
              itemStyle: { color: colour, ...(labelled ? { borderColor: 'var(--paper)', borderWidth: 1 } : {}) },
              label: { color: inkOn(colour) },
            }
          }),
          label: {
            show: labelled,
            fontSize: 12,
            // Shares and similarities line up better with two decimals each.
            formatter: ({ value: [, , value] }: { value: readonly [number, number, number] }) =>
              max - min <= 2 ? value.toFixed(2) : formatNumber(value),
          },
        },
      ],
      // A heat map wants one; the cells have their colours already.
      visualMap: { show: false, min, max, inRange: { opacity: 1 } },
    },
  }
}

/** The numbers at both ends of the colours. */
export function heatRange({ values, value, diverging = false }: Heatmap): { min: number; max: number } {
  const [low, high] = extent(values.flat()) ?? [0, 1]
  if (diverging) {
    const size = Math.max(Math.abs(value.min ?? low), Math.abs(value.max ?? high)) || 1
    return { min: -size, max: size }
  }
  const [min, max] = [value.min ?? low, value.max ?? high]
  return min < max ? { min, max } : { min: min - 0.5, max: max + 0.5 }
}

/** How many columns and rows of a heat map become one cell. */
export const poolSize = ({ x, y }: Pick<Heatmap, 'x' | 'y'>): { columns: number; rows: number } => ({
  columns: Math.ceil(x.values.length / MOST.columns),
  rows: Math.ceil(y.values.length / MOST.rows),
})

/** Means of groups of cells, named by their first column and row; what is not finite does not count. */
function poolCells(chart: Pick<Heatmap, 'x' | 'y' | 'values'>): Pick<Heatmap, 'x' | 'y' | 'values'> {
  const { columns, rows } = poolSize(chart)
  if (columns === 1 && rows === 1) return chart
  const pick = ({ label, values }: Categories, every: number): Categories => ({
    label,
    values: values.filter((_, i) => i % every === 0),
  })
  const [x, y] = [pick(chart.x, columns), pick(chart.y, rows)]
  const values = y.values.map((_row, j) =>
    x.values.map((_column, i) => {
      const group = chart.values
        .slice(j * rows, (j + 1) * rows)
        .flatMap((row) => row.slice(i * columns, (i + 1) * columns))
      const finite = group.filter(Number.isFinite)
      return finite.reduce((sum, value) => sum + value, 0) / finite.length
    }),
  )
  return { x, y, values }
}
