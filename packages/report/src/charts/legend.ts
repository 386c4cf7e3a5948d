import { formatNumber } from '../format-number.ts'
import { html, type Html } from '../html.ts'
import { axisTitle, type Chart, type Heatmap } from './chart.ts'
import { heatRange } from './heatmap.ts'
import { heatColour, seriesColour, seriesMarker } from './palette.ts'

/** What the colours and signs of a chart mean; nothing for a single series, which the chart's own words name. */
export function legendOf(chart: Chart): Html | undefined {
  if (chart.type === 'heatmap') return colourScale(chart)
  if (chart.series.length < 2) return undefined
  const entries = chart.series.map((series, index) => {
    const place = series.colour ?? index
    return html`<li>${swatch(chart.type ?? 'line', series as Style, place)}${series.name}</li>`
  })
  return html`<ul class="legend">
    ${entries}
  </ul>`
}

interface Style {
  readonly style?: string
  readonly faint?: boolean
  readonly dashed?: boolean
}

function swatch(type: Exclude<Chart['type'], undefined>, { style, faint, dashed }: Style, place: number): Html {
  const colour = seriesColour(place)
  const opacity = faint ? 0.5 : 1
  if (type === 'bar' || type === 'histogram')
    return svg(html`<rect x="5" y="1" width="12" height="10" rx="2" fill="${colour}" />`)
  const mark = marker(place, colour)
  if (type === 'scatter') return svg(mark)
  const line = html`<path
    d="M0 6h22"
    stroke="${colour}"
    stroke-width="${faint ? 1.5 : 2}"
    stroke-opacity="${opacity}"
    ${dashed && html` stroke-dasharray="6 4"`}
  />`
  return svg(html`${line}${style === 'points' && mark}`)
}

function marker(place: number, fill: string): Html {
  switch (seriesMarker(place)) {
    case 'circle':
      return html`<circle cx="11" cy="6" r="3.5" fill="${fill}" />`
    case 'rect':
      return html`<rect x="7.5" y="2.5" width="7" height="7" fill="${fill}" />`
    case 'triangle':
      return html`<path d="M11 2l4 7.5h-8z" fill="${fill}" />`
    case 'diamond':
      return html`<path d="M11 1.5l4 4.5-4 4.5-4-4.5z" fill="${fill}" />`
  }
}

const svg = (inside: Html): Html =>
  html`<svg width="22" height="12" viewBox="0 0 22 12" aria-hidden="true">${inside}</svg>`

function colourScale(chart: Heatmap): Html {
  const { min, max } = heatRange(chart)
  const stops = Array.from({ length: 11 }, (_, i) => heatColour(i / 10, chart.diverging ?? false)).join(', ')
  return html`<p class="legend">
    ${axisTitle(chart.value)} <span>${formatNumber(min)}</span
    ><span class="scale" style="background: linear-gradient(to right, ${stops})"></span
    ><span>${formatNumber(max)}</span>
  </p>`
}
