import type { Axis, Categories, Point } from './chart.ts'
import { MARGIN } from './draw.ts'
import { pictureText } from './picture-text.ts'
import { extent, position } from './scale.ts'
import { linearTicks, logTicks, type Fit, type Ticks } from './ticks.ts'

const label = { color: 'var(--quiet)', fontSize: 12 }
const rule = { lineStyle: { color: 'var(--rule)', width: 1 } }
const line = { lineStyle: { color: 'var(--axis)', width: 1 } }
const HIDDEN = { show: false }

/** Pixels that a character of a label takes, in a wide font. */
const CHARACTER = 7.2
/** Longest name down the side, as a share of the width. */
const SIDE = 0.36

/** The plot takes what the labels leave. */
export const grid = {
  ...MARGIN,
  outerBoundsMode: 'same',
  outerBoundsContain: 'axisLabel',
  outerBounds: MARGIN,
} as const

/** About how many labels fit below a plot. */
export const labelsAcross = (width: number): number => Math.max(3, Math.floor(width / 110))

interface NumericOptions {
  /** Of the points, which of the two numbers belongs to this axis. */
  readonly dimension: 0 | 1
  /** What is shown, in screen proportions. */
  readonly points: readonly (readonly Point[])[]
  readonly labels: number
  readonly fit: Fit
  /** Whether the axis begins at zero, as lengths of bars do. */
  readonly fromZero?: boolean
  /** Lines across the plot. Default: for the vertical axis. */
  readonly lines?: boolean
}

/** An axis of numbers that holds all points. */
export function numericAxis(axis: Axis, options: NumericOptions): object {
  const { dimension, lines = dimension === 1 } = options
  const { min, max, values, label: text } = ticksOf(axis, options)
  return {
    type: 'value',
    min,
    max,
    // The ticks are our own; ECharts' search for round ones fails on narrow ranges of large numbers.
    interval: max - min,
    axisLabel: { ...label, customValues: values, formatter: text, hideOverlap: true },
    axisTick: { show: !lines, customValues: values, ...line },
    splitLine: { show: lines, customValues: values, ...rule },
    axisLine: { show: !lines, onZero: false, ...line },
  }
}

function ticksOf(axis: Axis, { dimension, points, labels, fit, fromZero = false }: NumericOptions): Ticks {
  const shown = extent(points.flat().map((point) => point[dimension])) ?? [0, 1]
  const logarithmic = axis.scale === 'log'
  // An axis that almost begins at zero may as well.
  if (!logarithmic && (fromZero || (fit === 'tight' && shown[0] > 0 && shown[0] < 0.1 * shown[1]))) {
    shown[0] = Math.min(0, shown[0])
    shown[1] = Math.max(0, shown[1])
  }
  const asked = ([axis.min, axis.max] as const).map((value) => position(axis, value ?? Number.NaN))
  const [low, high] = shown.map((value, i) => (Number.isNaN(asked[i]) ? value : asked[i]!)) as [number, number]
  const found = (logarithmic ? logTicks : linearTicks)(Math.min(low, high), Math.max(low, high), labels, fit)
  // Ends that were asked for are kept to the letter.
  const min = Number.isNaN(asked[0]) ? found.min : low
  const max = Number.isNaN(asked[1]) ? found.max : high
  return { ...found, min, max, values: found.values.filter((value) => value >= min && value <= max) }
}

const nameOf = (value: string | number): string =>
  typeof value === 'number' ? value.toLocaleString('en') : pictureText(value)

/** An axis of names below the plot. */
export function namesBelow({ values }: Categories, width: number): object {
  const names = values.map(nameOf)
  const room = (0.9 * width) / names.length
  const longest = Math.max(...names.map((name) => name.length)) * CHARACTER + 10
  // Short names are left out at equal distances; long ones are cut.
  const every = names.length > 12 ? Math.ceil(longest / room) : 1
  return nameAxis(names, every, Math.max(4, Math.floor((room * every - 6) / CHARACTER)))
}

/** An axis of names down the side, the first at the top, and the room that it takes. */
export function namesBeside(
  { values }: Categories,
  { width, rowHeight }: { width: number; rowHeight: number },
): { axis: object; room: number } {
  const most = Math.floor((SIDE * width) / CHARACTER)
  const names = values.map(nameOf)
  const longest = Math.min(most, Math.max(...names.map((name) => name.length)))
  const axis = { ...nameAxis(names, Math.max(1, Math.ceil(20 / rowHeight)), most), inverse: true }
  return { axis, room: Math.round(longest * CHARACTER + 12) }
}

const nameAxis = (names: readonly string[], every: number, most: number): object => ({
  type: 'category',
  data: names,
  axisLabel: {
    ...label,
    interval: (index: number) => index % every === 0,
    formatter: (name: string) => shorten(name, most),
  },
  axisLine: line,
  axisTick: HIDDEN,
  splitLine: HIDDEN,
})

function shorten(name: string, most: number): string {
  const characters = [...new Intl.Segmenter().segment(name)].map(({ segment }) => segment)
  return characters.length > most
    ? `${characters
        .slice(0, most - 1)
        .join('')
        .trimEnd()}…`
    : name
}
