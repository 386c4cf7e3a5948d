/** Number of colours in the page's style, `--series-0` onwards. */
export const COLOURS = 8

export const seriesColour = (index: number): string => `var(--series-${index % COLOURS})`

/** Markers differ as colours do, for readers and printers that see no colours. */
export const MARKERS = ['circle', 'rect', 'triangle', 'diamond'] as const

export const seriesMarker = (index: number): (typeof MARKERS)[number] => MARKERS[index % MARKERS.length]!

type Rgb = readonly [number, number, number]

/** Dark to light through hues that stay apart for the colour-blind (viridis, thinned), and blue to red through white. */
const SEQUENTIAL: readonly Rgb[] = [
  [68, 1, 84],
  [65, 68, 135],
  [42, 120, 142],
  [34, 168, 132],
  [122, 209, 81],
  [253, 231, 37],
]
const DIVERGING: readonly Rgb[] = [
  [33, 102, 172],
  [103, 169, 207],
  [247, 247, 247],
  [239, 138, 98],
  [178, 24, 43],
]

/** Colours of a heat map for shares from 0 to 1. */
export function heatColour(share: number, diverging: boolean): string {
  const stops = diverging ? DIVERGING : SEQUENTIAL
  const at = Math.min(1, Math.max(0, share)) * (stops.length - 1)
  const from = Math.min(stops.length - 2, Math.floor(at))
  const mixed = stops[from]!.map((low, i) => Math.round(low + (stops[from + 1]![i]! - low) * (at - from)))
  return `#${mixed.map((part) => part.toString(16).padStart(2, '0')).join('')}`
}

/** Black or white, whichever is read more easily on a colour of `heatColour`. */
export function inkOn(colour: string): string {
  const [r, g, b] = colour.match(/[0-9a-f]{2}/g)!.map((part) => {
    const value = Number.parseInt(part, 16) / 255
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
  }) as [number, number, number]
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.18 ? '#000' : '#fff'
}
