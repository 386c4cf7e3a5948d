import fc from 'fast-check'
import { expect, test } from 'vitest'
import { renderReport, thin, type Point, type Report } from './index.ts'

const report = (text: string): Report => ({
  title: text,
  summary: text,
  facts: [{ label: text, value: text, note: text }],
  sections: [
    {
      kind: 'chart',
      heading: text,
      chart: {
        title: text,
        x: { label: text },
        y: { label: text },
        series: [
          {
            name: text,
            points: [
              [0, 3],
              [1, 2],
              [2, 1],
            ],
          },
        ],
      },
    },
    { kind: 'table', heading: text, columns: [text, text], rows: [[text, text]] },
    { kind: 'texts', heading: text, texts: [{ label: text, text }] },
    { kind: 'code', heading: text, code: text },
  ],
})

/** The names of all tags; throws where tags do not nest. */
function tags(html: string): Set<string> {
  const open: string[] = []
  const seen = new Set<string>()
  const single = new Set(['meta', '!doctype'])
  // Style sheets are no markup.
  const markup = html.replaceAll(/(<style[^>]*>)[\s\S]*?(?=<\/style>)/g, '$1')
  for (const [, closing, name, selfClosing] of markup.matchAll(/<(\/?)([!a-zA-Z][\w:-]*)[^<>]*?(\/?)>/g)) {
    seen.add(name!.toLowerCase())
    if (selfClosing || single.has(name!.toLowerCase())) continue
    if (!closing) open.push(name!)
    else if (open.pop() !== name) throw new Error(`</${name}> closes nothing`)
  }
  if (open.length > 0) throw new Error(`left open: ${open.join()}`)
  return seen
}

test('a report is one file that loads nothing and runs nothing', () => {
  const html = renderReport(report('A run'))
  const seen = tags(html)
  for (const name of ['script', 'link', 'img', 'iframe', 'foreignobject']) expect(seen.has(name), name).toBe(false)
  expect(html).not.toMatch(/(?:src|href|srcset)=|@import|url\((?!#)/)
  expect(html).toContain('aria-label="A run"')
})

test('whatever a title, sample or series is called, it stays text', () => {
  const plain = tags(renderReport(report('x')))
  const hostile = [
    '<script>alert(1)</script>',
    '"><img src=x onerror=alert(1)>',
    "' onload='alert(1)",
    '</style></svg><script>',
    '&lt;b&gt;',
  ]
  for (const text of hostile) expect(tags(renderReport(report(text)))).toEqual(plain)
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (text) => {
      expect([...tags(renderReport(report(text)))].filter((name) => !plain.has(name))).toEqual([])
    }),
    { numRuns: 30 },
  )
})

test('a hundred thousand steps make a small file', () => {
  const points = Array.from({ length: 100_000 }, (_, i): Point => [i, 5 + Math.sin(i / 5000) + (i % 7) / 10])
  const base = report('long')
  const html = renderReport({
    ...base,
    sections: [
      {
        kind: 'chart',
        heading: 'loss',
        chart: {
          title: 'loss',
          x: { label: 'step' },
          y: { label: 'loss' },
          series: [
            { name: 'a', points },
            { name: 'b', points },
          ],
        },
      },
    ],
  })
  expect(html.length).toBeLessThan(200_000)
})

test('thinning keeps both ends, the order, and a spike', () => {
  const points = Array.from({ length: 5000 }, (_, i): Point => [i, i === 2345 ? 100 : 1])
  const kept = thin(points, 100)
  expect(kept.length).toBe(100)
  expect(kept[0]).toEqual(points[0])
  expect(kept.at(-1)).toEqual(points.at(-1))
  expect(kept.some(([, y]) => y === 100)).toBe(true)
  expect(kept.map(([x]) => x)).toEqual(kept.map(([x]) => x).toSorted((a, b) => a - b))
})

test('points that are no numbers are left out', () => {
  expect(
    thin(
      [
        [0, 1],
        [1, Number.NaN],
        [2, Infinity],
        [3, 2],
      ],
      10,
    ),
  ).toEqual([
    [0, 1],
    [3, 2],
  ])
})
