import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { attribute, parsePage, textOf, type Element } from '../testing/parse.ts'
import type { Chart, LineChart, Point } from './chart.ts'
import { figure } from './figure.ts'

const loss = { label: 'loss', unit: 'nats' }
const step = { label: 'step' }
const falling: Point[] = [
  [1, 9],
  [10, 6],
  [100, 5],
]

/** The wide picture of a chart, and what is around it. */
function rendered(chart: Chart): { picture: Element[]; caption: string; legend: string[]; description: string } {
  const { errors, elements } = parsePage(`<!doctype html><title>t</title>${figure(chart, 'id').text}`)
  expect(errors).toEqual([])
  const from = elements.findIndex((element) => attribute(element, 'class') === 'wide')
  const to = elements.findIndex((element) => attribute(element, 'class') === 'narrow')
  const named = (name: string): string[] => elements.filter(({ tagName }) => tagName === name).map(textOf)
  return {
    picture: from < 0 ? [] : elements.slice(from, to),
    caption: named('figcaption')[0]!,
    legend: named('li'),
    description: named('desc')[0] ?? '',
  }
}

const labelsOf = (picture: readonly Element[]): string[] =>
  picture.filter(({ tagName }) => tagName === 'text').map(textOf)
const pathsOf = (picture: readonly Element[], paint: RegExp): string[] =>
  picture
    .filter((element) => element.tagName === 'path' && paint.test(attribute(element, 'stroke') ?? ''))
    .map((element) => attribute(element, 'd')!)
const filledWith = (picture: readonly Element[], paint: string): Element[] =>
  picture.filter((element) => attribute(element, 'fill') === paint)

describe('a line chart', () => {
  const chart: LineChart = {
    title: 'The loss falls.',
    x: step,
    y: loss,
    series: [
      { name: 'STEM, training', points: falling, colour: 0, faint: true },
      { name: 'STEM, held out', points: falling.slice(1), colour: 0, style: 'points' },
    ],
  }

  test('names its axes with their units, and its series in the legend', () => {
    const { picture, legend, caption } = rendered(chart)
    expect(labelsOf(picture)).toEqual(expect.arrayContaining(['loss (nats)', 'step', '0', '100', '5', '9']))
    expect(legend).toEqual(['STEM, training', 'STEM, held out'])
    expect(caption).toBe('The loss falls.')
  })

  test('draws every series in its colour, and marks the points of a measured one', () => {
    const { picture } = rendered(chart)
    expect(pathsOf(picture, /--series-0/).length).toBe(2)
    expect(filledWith(picture, 'var(--series-0)').length).toBe(2)
  })

  test('says in words where each series begins and ends', () => {
    expect(rendered(chart).description).toBe(
      'Line chart of loss (nats) against step. STEM, training: from 9 at 1 to 5 at 100. STEM, held out: from 6 at 10 to 5 at 100.',
    )
  })

  test('needs no legend for a single series', () => {
    expect(rendered({ ...chart, series: [chart.series[0]!] }).legend).toEqual([])
  })

  test('leaves a gap where a value is not finite', () => {
    const points: Point[] = [...falling, [150, Number.NaN], [200, 4], [300, 3]]
    const [line] = pathsOf(rendered({ ...chart, series: [{ name: 'a', points }] }).picture, /--series/)
    expect(line!.match(/M/g)!.length).toBe(2)
  })

  test('of one point shows it', () => {
    const series = [{ name: 'a', points: [[5, 5]] as const }]
    expect(filledWith(rendered({ ...chart, series }).picture, 'var(--series-0)').length).toBe(1)
  })

  test('on logarithmic axes spaces equal ratios equally, and says what has no place', () => {
    const points: Point[] = [[0, 10], ...falling.map(([x]): Point => [x, x])]
    const log = { scale: 'log' } as const
    const { picture, caption } = rendered({
      ...chart,
      x: { ...step, ...log },
      y: { ...loss, ...log },
      series: [{ name: 'a', points }],
    })
    const [line] = pathsOf(picture, /--series/)
    const [a, b, c] = line!
      .split(/[ML]/)
      .slice(1)
      .map((pair) => pair.split(' ').map(Number)) as [number[], number[], number[]]
    expect(b[0]! - a[0]!).toBeCloseTo(c[0]! - b[0]!, 0)
    expect(b[1]! - a[1]!).toBeCloseTo(c[1]! - b[1]!, 0)
    expect(caption).toMatch(/1 values are not shown/)
  })

  test('keeps to the ends that were asked for', () => {
    const labels = labelsOf(rendered({ ...chart, y: { ...loss, min: 0, max: 20 } }).picture)
    expect(labels).toEqual(expect.arrayContaining(['0', '20']))
  })

  test('without values says so', () => {
    const series = [{ name: 'a', points: [[1, Number.NaN]] as const }]
    expect(figure({ ...chart, series }, 'id').text).toContain('Nothing to show')
  })

  test('holds thousands of points in a few', () => {
    const points = Array.from({ length: 50_000 }, (_, i): Point => [i, Math.sin(i / 100)])
    const [line] = pathsOf(rendered({ ...chart, series: [{ name: 'a', points }] }).picture, /--series/)
    expect(line!.match(/[ML]/g)!.length).toBeLessThan(2500)
  })
})

describe('a scatter chart', () => {
  test('labels its points', () => {
    const series = [{ name: 'STEM', points: falling, labels: ['seed 1', 'seed 2', 'seed 3'] }]
    const { picture } = rendered({ type: 'scatter', title: 't', x: step, y: loss, series })
    expect(labelsOf(picture)).toEqual(expect.arrayContaining(['seed 1', 'seed 2', 'seed 3']))
    expect(filledWith(picture, 'var(--series-0)').length).toBe(3)
  })

  test('draws a cloud as dots, and says if some are left out', () => {
    const points = Array.from({ length: 20_000 }, (_, i): Point => [Math.sin(i), Math.cos(3 * i)])
    const { picture, caption } = rendered({
      type: 'scatter',
      title: 't',
      x: step,
      y: loss,
      series: [{ name: 'a', points }],
    })
    const [dots] = pathsOf(picture, /--series/)
    expect(dots!.match(/M/g)!.length).toBe(8000)
    expect(caption).toMatch(/At most 8,000 points/)
  })
})

describe('a bar chart', () => {
  const x = { label: 'task', values: ['piqa', 'arc'] }
  const series = [
    { name: 'STEM', values: [0.6, 0.4] },
    { name: 'dense', values: [0.5, Number.NaN] },
  ]

  test.each([false, true])('names its bars and writes their numbers (lying down: %s)', (horizontal) => {
    const { picture } = rendered({ type: 'bar', title: 't', x, y: { label: 'accuracy' }, series, horizontal })
    expect(labelsOf(picture)).toEqual(
      expect.arrayContaining(['piqa', 'arc', 'accuracy', 'task', '0', '0.6', '0.4', '0.5']),
    )
    // Bars of one colour are one path.
    const barsOf = (paint: string): number =>
      filledWith(picture, paint).reduce((sum, path) => sum + attribute(path, 'd')!.split('M').length - 1, 0)
    expect([barsOf('var(--series-0)'), barsOf('var(--series-1)')]).toEqual([2, 1])
  })

  test('cuts long names', () => {
    const long = { label: 'task', values: ['a'.repeat(200), 'b'] }
    const { picture } = rendered({
      type: 'bar',
      title: 't',
      x: long,
      y: { label: 'accuracy' },
      series,
      horizontal: true,
    })
    expect(labelsOf(picture).find((text) => /^a+…$/.test(text))!.length).toBeLessThan(50)
  })
})

describe('a heat map', () => {
  const names = (count: number): number[] => Array.from({ length: count }, (_, i) => i)

  test('writes numbers into cells with room for them, leaves out what is not finite', () => {
    const values = [
      [0, 0.5],
      [Number.NaN, 1],
    ]
    const x = { label: 'length', values: [512, 16_384] }
    const { picture, description } = rendered({
      type: 'heatmap',
      title: 't',
      x,
      y: { label: 'depth', values: ['top', 'end'] },
      values,
      value: { label: 'found' },
    })
    const labels = labelsOf(picture)
    expect(labels).toEqual(expect.arrayContaining(['0.00', '0.50', '1.00', '16,384', 'top']))
    expect(labels.filter((text) => /^\d\.\d\d$/.test(text)).length).toBe(3)
    expect(description).toBe('Heat map of found, 2 by 2: depth down, length across; from 0 to 1.')
  })

  test('of a large matrix averages, and says so', () => {
    const size = 500
    const values = names(size).map((j) => names(size).map((i) => i * j))
    const axis = { label: 'row', values: names(size) }
    const chart: Chart = { type: 'heatmap', title: 't', x: axis, y: axis, values, value: { label: 'product' } }
    expect(rendered(chart).caption).toMatch(/mean of up to 7 by 6 values/)
    expect(figure(chart, 'id').text.length).toBeLessThan(600_000)
  })
})

test('whatever the numbers are, there is a picture without a number that is none', () => {
  const number = fc.oneof(
    fc.double(),
    fc.double({ min: -10, max: 10 }),
    fc.constantFrom(0, 1e9, 1e9 + 1, 1e-300, 1e300),
  )
  const points = fc.array(fc.tuple(number, number), { minLength: 1, maxLength: 6 })
  const scale = fc.constantFrom<'linear' | 'log'>('linear', 'log')
  fc.assert(
    fc.property(points, scale, scale, (cloud, scaleX, scaleY) => {
      const [x, y] = [
        { label: 'x', scale: scaleX },
        { label: 'y', scale: scaleY },
      ]
      const series = [{ name: 'a', points: cloud.toSorted(([a], [b]) => a - b) }]
      const values = cloud.map(([value]) => value)
      const charts: Chart[] = [
        { title: 't', x, y, series },
        { type: 'scatter', title: 't', x, y, series },
        { type: 'bar', title: 't', x: { label: 'x', values }, y, series: [{ name: 'a', values }] },
        { type: 'histogram', title: 't', x, series: [{ name: 'a', values }] },
      ]
      for (const chart of charts) expect(figure(chart, 'id').text).not.toMatch(/="[^"]*(?:NaN|Infinity|undefined)/)
    }),
    { numRuns: 60, endOnFailure: true },
  )
})
