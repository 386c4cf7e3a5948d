import { describe, expect, it } from 'vitest'
import { splitWords } from '../python/text.ts'
import { needleGridTasks } from '../tasks/built-in/needle-grid.ts'
import { gridRows } from './grid-rows.ts'
import { needleMap } from './heat-map.ts'

const countTokens = (text: string) => splitWords(text).length
const essay = Array.from({ length: 40 }, (_, i) => `This is sentence number ${i} of the essay.`).join(' ')
const fact = { needle: 'The fact is blue.', question: 'What is the fact?', answers: ['blue'] }

describe('gridRows', () => {
  const rows = gridRows({ fact, essay, lengths: [120, 600], depths: [0, 50, 100], answerTokens: 10, countTokens })

  it('makes a text for each depth of each length, as long as whole sentences allow', async () => {
    const cells = (await rows).map(({ target_length, depth }) => [target_length, depth])
    expect(cells).toEqual([
      [120, 0],
      [120, 50],
      [120, 100],
      [600, 0],
      [600, 50],
      [600, 100],
    ])
    for (const { input, length, target_length: target } of await rows) {
      expect(length).toBe(countTokens(input) + 10)
      expect(length).toBeLessThanOrEqual(target)
      expect(length).toBeGreaterThan(target - 9)
      expect(input).toMatch(/\n\nQuestion: What is the fact\?\nAnswer:$/)
    }
  })

  it('puts the needle where the depth says, between sentences', async () => {
    for (const { input, depth } of await rows) {
      const [text = ''] = input.split('\n\n')
      const place = text.indexOf(fact.needle)
      const share = place / (text.length - fact.needle.length)
      expect(Math.abs(share * 100 - depth)).toBeLessThan(10)
      expect(text.slice(0, place)).toMatch(/^$|\. $/)
    }
  })

  it('says where there is no room or no text', async () => {
    const options = { fact, essay, lengths: [10], depths: [0], answerTokens: 10, countTokens }
    await expect(gridRows(options)).rejects.toThrow('a text of 10 tokens has no room')
    await expect(gridRows({ ...options, essay: ' ' })).rejects.toThrow('has no text')
  })
})

describe('needleMap', () => {
  it('arranges mean scores by depth and length', () => {
    const sample = (depth: number, length: number, score: number) => ({
      doc: { depth, target_length: length },
      score,
    })
    const samples = [sample(50, 2000, 1), sample(0, 1000, 0.5), sample(0, 1000, 0), { doc: {}, acc: 1 }]
    expect(needleMap(samples)).toEqual({
      lengths: [1000, 2000],
      depths: [0, 50],
      scores: [
        [0.25, null],
        [null, 1],
      ],
      counts: [
        [2, 0],
        [0, 1],
      ],
    })
  })
})

describe('needle_grid', () => {
  const { processors } = needleGridTasks({ essay, lengths: [200], depths: [0, 100] })
  const rows = (metadata: Record<string, unknown>) => processors?.datasets?.needle_grid?.({ metadata, countTokens })

  it('takes lengths and depths from options and metadata', async () => {
    expect((await rows({}))?.test?.length).toBe(2)
    expect((await rows({ lengths: [150, 200], depths: [50] }))?.test?.length).toBe(2)
    await expect(rows({ depths: [120] })).rejects.toThrow('depths must be numbers from 0 to 100')
  })

  it('scores the share of the answers that a text contains', async () => {
    const [row = {}] = (await rows({}))?.test ?? []
    expect(processors?.results?.needle_grid?.(row, ['Eat a sandwich.'])).toEqual({ score: 0.5 })
  })
})
