import { html, raw, type Html } from '../html.ts'
import { barPlot } from './bars.ts'
import type { Chart } from './chart.ts'
import { describeChart, remarks } from './describe.ts'
import { draw, type Plot } from './draw.ts'
import { heatmapPlot } from './heatmap.ts'
import { histogramPlot } from './histogram.ts'
import { legendOf } from './legend.ts'
import { linePlot } from './lines.ts'
import { scatterPlot } from './scatter.ts'

/** Pixels across: drawn for both, as text in a picture that is only scaled down cannot be read on a phone. */
const WIDTHS = { wide: 800, narrow: 380 } as const

/** A chart as a `<figure>`: legend, picture, and the sentence that says what it shows. */
export function figure(chart: Chart, id: string): Html {
  const legend = legendOf(chart)
  const caption = [chart.title, ...remarks(chart)].join(' ')
  const pictures = isEmpty(chart)
    ? html`<p class="nothing">Nothing to show: no values.</p>`
    : Object.entries(WIDTHS).map(([name, width]) => picture(chart, { name, width, id: `${id}-${name}` }))
  return html`<figure>
    ${legend}${pictures}
    <figcaption>${caption}</figcaption>
  </figure>`
}

/** A chart as one SVG, its colours taken from the page's style. */
function picture(chart: Chart, { name, width, id }: { name: string; width: number; id: string }): Html {
  const plot = plotOf(chart, width)
  return html`<svg
    class="${name}"
    viewBox="0 0 ${plot.width} ${plot.height}"
    role="img"
    aria-labelledby="${id}-title ${id}-desc"
  >
    <title id="${id}-title">${chart.title}</title>
    <desc id="${id}-desc">${describeChart(chart)}</desc>
    ${raw(draw(plot, id))}
  </svg>`
}

function plotOf(chart: Chart, width: number): Plot {
  switch (chart.type) {
    case 'scatter':
      return scatterPlot(chart, width)
    case 'bar':
      return barPlot(chart, width)
    case 'histogram':
      return histogramPlot(chart, width)
    case 'heatmap':
      return heatmapPlot(chart, width)
    default:
      return linePlot(chart, width)
  }
}

function isEmpty(chart: Chart): boolean {
  if (chart.type === 'heatmap') return !chart.values.some((row) => row.some(Number.isFinite))
  if (chart.type === 'bar' || chart.type === 'histogram')
    return !chart.series.some(({ values }) => values.some(Number.isFinite))
  return !chart.series.some(({ points }) => points.some((point) => point.every(Number.isFinite)))
}
