export type {
  Axis,
  BarChart,
  Categories,
  Chart,
  Heatmap,
  Histogram,
  LineChart,
  Point,
  ScatterChart,
  ScatterSeries,
  Series,
  ValueSeries,
} from './charts/chart.ts'
export { renderReport, type Entry, type Fact, type LabelledText, type Report, type Section } from './report.ts'
