import { describe, expect, it } from 'vitest'
import { applyFilter } from './apply-filters.ts'

const apply = (steps: { function: string; [option: string]: unknown }[], answers: unknown[], row = {}) =>
  applyFilter({ name: 'f', filter: steps }, answers, row, {
    filters: { ends: (texts, { with: end }, { sign }) => texts.map((text) => `${String(text)}${String(end ?? sign)}`) },
  })

describe('a filter', () => {
  it('applies its steps to all answers to a request', () => {
    const steps = [{ function: 'remove_whitespace' }, { function: 'uppercase' }, { function: 'take_first' }]
    expect(apply(steps, [' a\n', 'b'])).toBe('A')
    expect(apply([{ function: 'take_first_k', k: 2 }], ['a', 'b', 'c'])).toEqual(['a', 'b'])
  })

  it('votes, the first to come among equals', () => {
    expect(apply([{ function: 'majority_vote' }, { function: 'take_first' }], ['b', 'a', 'a', 'b'])).toBe('b')
  })

  it('picks a match, and the first group of it that is not empty', () => {
    const pick = (group_select: number) => [
      { function: 'regex', regex_pattern: '(a+)|(b+)', group_select, fallback: '?' },
    ]
    expect(apply(pick(-1), ['aa bb', 'none'])).toEqual(['bb', '?'])
    expect(() => apply(pick(5), ['aa'])).toThrow('group_select is 5 and there are 1 matches')
  })

  it('maps answers to others', () => {
    const step = { function: 'map', mapping_dict: { yes: 1 }, default_value: 0 }
    expect(apply([step], ['yes', 'no'])).toEqual([1, 0])
  })

  it('may be one of the task, which sees the row', () => {
    expect(apply([{ function: 'ends', with: '!' }], ['a'])).toEqual(['a!'])
    expect(apply([{ function: 'ends' }], ['a'], { sign: '?' })).toEqual(['a?'])
  })

  it('must be known, and have answers to work on', () => {
    expect(() => apply([{ function: 'take_frist' }], ['a'])).toThrow(
      'no filter is called take_frist; did you mean take_first?',
    )
    expect(() => apply([{ function: 'take_first' }, { function: 'lowercase' }], ['a'])).toThrow('nothing can follow')
    expect(() => apply([{ function: 'take_first_k', k: 3 }], ['a'])).toThrow(
      '3 answers are needed and there are 1; raise repeats',
    )
  })
})
