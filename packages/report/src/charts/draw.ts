import { BarChart, HeatmapChart, LineChart, ScatterChart } from 'echarts/charts'
import { GridComponent, VisualMapComponent } from 'echarts/components'
import { init, use } from 'echarts/core'
import type { EChartsCoreOption } from 'echarts/core'
import { SVGRenderer } from 'echarts/renderers'
import { escapeText } from '../html.ts'
import { compactSvg } from './compact-svg.ts'

use([LineChart, ScatterChart, BarChart, HeatmapChart, GridComponent, VisualMapComponent, SVGRenderer])

/** A plot for one width, before it is drawn. */
export interface Plot {
  readonly width: number
  readonly height: number
  /** Axis titles. They are not echarts' own, which would have to know how wide the reader's font is. */
  readonly x: string
  readonly y: string
  readonly option: EChartsCoreOption
}

/** Room above the plot for the title of the y axis, and below for that of the x axis. */
export const MARGIN = { top: 26, bottom: 26, left: 2, right: 16 } as const

/**
 * A plot as the inside of an `<svg>`, without a document or a clock: the same plot always gives the same text. Colours may
 * be CSS variables of the page. `id` begins the ids within.
 */
export function draw({ width, height, x, y, option }: Plot, id: string): string {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width, height })
  try {
    chart.setOption({ animation: false, textStyle: { fontFamily: 'inherit' }, ...option })
    return axisTitles({ width, height, x, y }) + compactSvg(chart.renderToSVGString(), id)
  } finally {
    chart.dispose()
  }
}

const axisTitles = ({ width, height, x, y }: Omit<Plot, 'option'>): string =>
  `<text x="0" y="12" class="axis-title">${escapeText(y)}</text>` +
  `<text x="${width - MARGIN.right}" y="${height - 6}" text-anchor="end" class="axis-title">${escapeText(x)}</text>`
