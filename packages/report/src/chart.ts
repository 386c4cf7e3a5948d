import { LineChart, ScatterChart } from 'echarts/charts'
import { GridComponent, LegendComponent } from 'echarts/components'
import { init, use } from 'echarts/core'
import { SVGRenderer } from 'echarts/renderers'
import { escapeHtml } from './escape.ts'
import { thin, type Point } from './thin.ts'

use([LineChart, ScatterChart, GridComponent, LegendComponent, SVGRenderer])

export interface Series {
  readonly name: string
  readonly points: readonly Point[]
  /** `line` (default), or `points` joined by a line: few measurements that each matter. */
  readonly style?: 'line' | 'points'
  /** Series of one colour belong together, as a training loss and its held-out loss do. Default: one colour each. */
  readonly colour?: number
  /** Drawn faintly, behind the others. */
  readonly faint?: boolean
}

export interface Axis {
  /** What is measured, with its unit. */
  readonly label: string
  readonly scale?: 'linear' | 'log'
}

export interface LineChartOptions {
  /** One sentence that says what the picture shows; also read out instead of it. */
  readonly title: string
  readonly x: Axis
  readonly y: Axis
  readonly series: readonly Series[]
}

/** Eight colours that differ in lightness too, for light and dark paper and for most kinds of colour blindness. */
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#8a6d00', '#56b4e9', '#7b4fa3', '#666666']
/** Text and lines take the page's colour; this grey is readable on both papers. */
const INK = '#808080'
const MOST_POINTS = 600

/** A line chart as one `<figure>` with an inline SVG: no script, no font or file from elsewhere. */
export function lineChart({ title, x, y, series }: LineChartOptions): string {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: 760, height: 400 })
  try {
    chart.setOption({
      animation: false,
      textStyle: { fontFamily: 'system-ui, sans-serif', color: INK },
      legend: { top: 0, textStyle: { color: INK }, data: series.map(({ name }) => name) },
      grid: { left: 64, right: 24, top: 40, bottom: 56 },
      xAxis: axisOption(x, 30),
      yAxis: axisOption(y, 44),
      series: series.map((each, i) => {
        const colour = COLOURS[(each.colour ?? i) % COLOURS.length]!
        return {
          name: each.name,
          type: 'line',
          data: thin(each.points, MOST_POINTS),
          showSymbol: each.style === 'points',
          symbolSize: 6,
          lineStyle: { color: colour, width: each.faint ? 1 : 2, opacity: each.faint ? 0.35 : 1 },
          itemStyle: { color: colour, opacity: each.faint ? 0.5 : 1 },
        }
      }),
    })
    const svg = chart
      .renderToSVGString({ useViewBox: true })
      .replace('<svg ', `<svg role="img" aria-label="${escapeHtml(title)}" `)
    return `<figure>${svg}<figcaption>${escapeHtml(title)}</figcaption></figure>`
  } finally {
    chart.dispose()
  }
}

const axisOption = ({ label, scale = 'linear' }: Axis, gap: number) => ({
  type: scale === 'log' ? ('log' as const) : ('value' as const),
  scale: true,
  name: label,
  nameLocation: 'middle' as const,
  nameGap: gap,
  nameTextStyle: { color: INK },
  axisLabel: { color: INK, formatter: compact },
  axisLine: { show: true, lineStyle: { color: INK } },
  splitLine: { lineStyle: { color: INK, opacity: 0.2 } },
})

/** 1200 -> 1.2k, 3.4e12 -> 3.4T */
export function compact(value: number): string {
  return new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 2 }).format(value)
}
