/** A chart as plain data. */
export type Chart = LineChart | ScatterChart | BarChart | Histogram | Heatmap

/** An axis of numbers. */
export interface Axis {
  readonly label: string
  /** Shown behind the label, in brackets. */
  readonly unit?: string
  /** Default `linear`. A logarithmic axis leaves out what is not positive, and the chart says how much that is. */
  readonly scale?: 'linear' | 'log'
  /** Default: where the data begin and end, rounded outwards. */
  readonly min?: number
  readonly max?: number
}

/** An axis of names. */
export interface Categories {
  readonly label: string
  readonly values: readonly (string | number)[]
}

/** x and y. A point with a number that is not finite makes a gap. */
export type Point = readonly [x: number, y: number]

interface Titled {
  /** One sentence that says what the picture shows; also read out instead of it. */
  readonly title: string
}

interface Named {
  readonly name: string
  /** Series of one number share a colour and a marker, as a training loss and its held-out loss do. Default: the place. */
  readonly colour?: number
}

/** Curves, such as losses. */
export interface LineChart extends Titled {
  /** Default. */
  readonly type?: 'line'
  readonly x: Axis
  readonly y: Axis
  readonly series: readonly Series[]
}

export interface Series extends Named {
  /** In order of x. Any number: what a screen cannot show is left out. */
  readonly points: readonly Point[]
  /** `line` (default), or `points` joined by a line: few measurements that each matter. */
  readonly style?: 'line' | 'points'
  /** Drawn faintly, behind the others: a noisy curve. */
  readonly faint?: boolean
  readonly dashed?: boolean
}

export interface ScatterChart extends Titled {
  readonly type: 'scatter'
  readonly x: Axis
  readonly y: Axis
  readonly series: readonly ScatterSeries[]
}

export interface ScatterSeries extends Named {
  readonly points: readonly Point[]
  /** Written beside the points. */
  readonly labels?: readonly string[]
}

/** Bars, side by side for several series. */
export interface BarChart extends Titled {
  readonly type: 'bar'
  readonly x: Categories
  readonly y: Axis
  readonly series: readonly ValueSeries[]
  /** Names down the side, for long ones. Default false. */
  readonly horizontal?: boolean
}

export interface ValueSeries extends Named {
  /** Of bars, one for each name of the axis; of a histogram, the values to count. */
  readonly values: readonly number[]
}

/** How often values fall into equally wide bins (on a logarithmic axis: equal ratios). */
export interface Histogram extends Titled {
  readonly type: 'histogram'
  readonly x: Axis
  /** Default: by the number of values. */
  readonly bins?: number
  readonly series: readonly ValueSeries[]
}

/** A matrix of numbers as colours. */
export interface Heatmap extends Titled {
  readonly type: 'heatmap'
  readonly x: Categories
  readonly y: Categories
  /** [rows of y][columns of x]; what is not finite is left empty. The first row is at the top. */
  readonly values: readonly (readonly number[])[]
  /** What the colours mean. */
  readonly value: Pick<Axis, 'label' | 'unit' | 'min' | 'max'>
  /** Colours for numbers around 0, which then lies in the middle. */
  readonly diverging?: boolean
}

/** Label and unit of an axis. */
export const axisTitle = ({ label, unit }: Pick<Axis, 'label' | 'unit'>): string =>
  unit === undefined ? label : `${label} (${unit})`
