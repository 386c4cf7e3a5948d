export { lineChart, type Axis, type LineChartOptions, type Series } from './chart.ts'
export { renderReport, type Fact, type Report, type Section } from './render.ts'
export { thin, type Point } from './thin.ts'
