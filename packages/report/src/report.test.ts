import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { renderReport, type Point, type Section } from './index.ts'
import { attribute, parsePage, textOf, type Element } from './testing/parse.ts'
import { reportSaying } from './testing/sections.ts'

const page = (sections: readonly Section[]): readonly Element[] =>
  parsePage(renderReport({ title: 't', sections })).elements
const named = (elements: readonly Element[], name: string): Element[] =>
  elements.filter(({ tagName }) => tagName === name)

describe('a report', () => {
  const rendered = renderReport(reportSaying('word'))
  const { errors, elements } = parsePage(rendered)

  test('is well-formed', () => {
    expect(errors).toEqual([])
    const ids = elements.flatMap((element) => attribute(element, 'id') ?? [])
    expect(new Set(ids).size).toBe(ids.length)
  })

  test('loads nothing, runs nothing, and forbids both', () => {
    for (const name of ['script', 'link', 'img', 'image', 'iframe', 'object', 'foreignObject', 'use'])
      expect(named(elements, name), name).toEqual([])
    for (const { attrs } of elements)
      for (const { name } of attrs) expect(name).not.toMatch(/^(?:on|src|href|xlink:href|action|srcset)/)
    expect(rendered).not.toMatch(/@import|url\((?!#)/)
    const policy = elements.find((element) => attribute(element, 'http-equiv') === 'Content-Security-Policy')!
    expect(attribute(policy, 'content')).toBe("default-src 'none'; style-src 'unsafe-inline'")
  })

  test('is in its language, with one main heading and a heading for every section', () => {
    expect(attribute(named(elements, 'html')[0]!, 'lang')).toBe('en')
    expect(named(elements, 'h1').length).toBe(1)
    const headings = named(elements, 'h2').map((element) => attribute(element, 'id'))
    expect(named(elements, 'section').map((element) => attribute(element, 'aria-labelledby'))).toEqual(headings)
  })

  test('has a name and a description for every picture', () => {
    const pictures = elements.filter((element) => attribute(element, 'role') === 'img')
    expect(pictures.length).toBe(12)
    const byId = new Map(elements.map((element) => [attribute(element, 'id'), element]))
    for (const picture of pictures) {
      const [title, description] = attribute(picture, 'aria-labelledby')!
        .split(' ')
        .map((id) => byId.get(id)!)
      expect(textOf(title!)).toBe('word')
      expect(textOf(description!)).toMatch(/^(?:Line|Bar) chart|^Scatter plot|^Histogram|^Heat map/)
    }
  })

  test('is the same bytes every time', () => expect(renderReport(reportSaying('word'))).toBe(rendered))
})

describe('words stay words', () => {
  /** The kinds of elements, with their attributes. How many labels find room depends on their length. */
  const kindsOf = (text: string): Set<string> => {
    const { errors, elements } = parsePage(renderReport(reportSaying(text)))
    expect(errors).toEqual([])
    return new Set(elements.map(({ tagName, attrs }) => `${tagName} ${attrs.map(({ name }) => name).join(' ')}`))
  }
  const plain = kindsOf('word')

  test.each([
    '<script>alert(1)</script>',
    '"><img src=x onerror=alert(1)>',
    "' onload='alert(1)",
    '</style></svg></title><script>',
    '</pre></code><!--',
    ']]><svg/onload=alert(1)>',
    '&lt;b&gt;&amp;',
    '{b}{c|d}{value}',
    '$1$&$`',
    '<path d="M1 0A1" ecmeta_x="',
    '\u0000\u0008\u001b[31m\u007f\ufffe\ud800',
    '\u202Eright to left\u0085',
  ])('%j', (text) => {
    expect(kindsOf(text)).toEqual(plain)
  })

  test('whatever they are', () => {
    const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 12 }).filter((each) => each.trim() !== '')
    fc.assert(
      fc.property(text, (each) => {
        expect([...kindsOf(each)].filter((kind) => !plain.has(kind))).toEqual([])
      }),
      { numRuns: 10, endOnFailure: true, examples: [['\u0000𐀀𐀀𐀀𐀀𐀀\u0000𐀀\u0000'], ['__proto__'], ['constructor']] },
    )
  })

  test('are shown as they were given', () => {
    const text = 'a <b>&amp;\n  "c" \u0007'
    const [quotation] = named(page([{ kind: 'texts', heading: 'h', texts: [{ label: 'l', text }] }]), 'blockquote')
    expect(textOf(quotation!)).toBe('a <b>&amp;\n  "c" \u2407')
  })
})

describe('a table', () => {
  test('aligns columns of numbers as such', () => {
    const rows = [
      ['STEM', '4.673', '1,234/s', '71 %', 'all but the first', '19.1 M'],
      ['dense', '–', '+12', '3×10⁻⁵', 'none', '−2'],
    ]
    const elements = page([{ kind: 'table', heading: 'h', columns: ['a', 'b', 'c', 'd', 'e', 'f'], rows }])
    const classes = named(elements, 'td').map((cell) => attribute(cell, 'class'))
    expect(classes.slice(0, 5)).toEqual(['number', 'number', 'number', undefined, 'number'])
    expect(named(elements, 'th').map((cell) => attribute(cell, 'scope'))).toEqual([
      ...Array(6).fill('col'),
      'row',
      'row',
    ])
  })
})

describe('entries', () => {
  test('are lines that open without a script', () => {
    const entries = [
      {
        title: 'document 3',
        mark: { text: 'wrong', tone: 'bad' as const },
        table: { columns: ['choice', 'ln p'], rows: [['yes', '-1.5']] },
        texts: [{ label: 'prompt', text: 'Is it?' }],
      },
    ]
    const elements = page([{ kind: 'entries', heading: 'h', note: 'one of them', entries }])
    const [details] = named(elements, 'details')
    expect(attribute(details!, 'open')).toBeUndefined()
    expect(textOf(named(elements, 'summary')[0]!)).toBe('wrong document 3')
    expect(textOf(details!)).toMatch(/Is it\?.*yes.*-1\.5/s)
    expect(textOf(named(elements, 'p')[0]!)).toBe('one of them')
  })
})

describe('a prompt', () => {
  test('stands in front of its text, set apart', () => {
    const texts = [{ label: 'l', prompt: 'We must', text: ' go on' }]
    const elements = page([{ kind: 'texts', heading: 'h', texts }])
    expect(textOf(named(elements, 'blockquote')[0]!)).toBe('We must go on')
    expect(textOf(named(elements, 'b')[0]!)).toBe('We must')
  })
})

test('a report of a hundred thousand steps stays below a megabyte', () => {
  const points = Array.from({ length: 100_000 }, (_, i): Point => [
    i + 1,
    4 + 5 / Math.log(i + 3) + ((i * 7919) % 101) / 300,
  ])
  const series = ['a', 'b'].flatMap((name) => [
    { name, points },
    { name: `${name}2`, points },
  ])
  const y = { label: 'loss' }
  const html = renderReport({
    title: 'long',
    sections: [
      { kind: 'chart', heading: 'h', chart: { title: 't', x: { label: 'step' }, y, series } },
      { kind: 'chart', heading: 'h', chart: { title: 't', x: { label: 'step', scale: 'log' }, y, series } },
      {
        kind: 'chart',
        heading: 'h',
        chart: { type: 'scatter', title: 't', x: { label: 'step' }, y, series: [series[0]!] },
      },
    ],
  })
  expect(html.length).toBeLessThan(1_000_000)
})

test('one point alone is a picture too', () => {
  const series = [{ name: 'a', points: [[1, 5]] as [number, number][] }]
  const chart = { title: 'one step', x: { label: 'step' }, y: { label: 'loss' }, series }
  expect(renderReport({ title: 'short', sections: [{ kind: 'chart', heading: 'loss', chart }] })).toContain('<svg')
})

test('large numbers close to each other are a picture too', () => {
  const one = (name: string, point: [number, number]) => ({ name, points: [point] })
  const series = [one('a', [13_488_881_664, 7.808675]), one('b', [15_300_820_992, 7.773981])]
  const chart = { title: 'two points', x: { label: 'FLOPs' }, y: { label: 'loss' }, series }
  expect(renderReport({ title: 'short', sections: [{ kind: 'chart', heading: 'loss', chart }] })).toContain('<svg')
})
