import { describe, expect, it } from 'vitest'
import type { Row } from '../tasks/rows.ts'
import type { TaskDefinition } from '../tasks/task-definition.ts'
import { resolveTask } from '../tasks/task.ts'
import { scoreDocument } from './score-document.ts'

const score = (definition: Omit<TaskDefinition, 'task'>, row: Row, answers: readonly unknown[], several = false) =>
  scoreDocument(resolveTask({ task: 't', ...definition }), row, answers, {
    processors: {},
    columns: new Set(Object.keys(row)),
    hasChoices: definition.doc_to_choice !== undefined,
    choicesAreQuestions: false,
    hasSeveralTargets: several,
  })

describe('choices', () => {
  const metrics = ['acc', 'acc_norm', 'acc_bytes', 'exact_match'].map((metric) => ({ metric }))
  const task = {
    output_type: 'multiple_choice',
    doc_to_choice: 'options',
    doc_to_target: 'gold',
    metric_list: metrics,
  } as const

  it('are compared by likelihood, by likelihood per code point and per byte', () => {
    const row = { options: ['yes', 'éééé'], gold: 1 }
    // -3 and -6: per code point -1 and -1.5, per byte -1 and -0.75.
    expect(
      score(task, row, [
        [-3, false],
        [-6, true],
      ]),
    ).toEqual({ acc: 0, acc_norm: 0, acc_bytes: 1, exact_match: 1 })
  })

  it('count the first of equals', () => {
    expect(
      score(task, { options: ['a', 'b'], gold: 0 }, [
        [-1, false],
        [-1, false],
      ]),
    ).toMatchObject({ acc: 1 })
  })

  it('may be named by their text, and none is right where none is named', () => {
    const answers = [
      [-1, false],
      [-2, false],
    ]
    expect(score(task, { options: ['a', 'b'], gold: 'a' }, answers)).toMatchObject({ acc: 1 })
    expect(score(task, { options: ['a', 'b'], gold: 'c' }, answers)).toMatchObject({ acc: 0, exact_match: 0 })
    expect(score(task, { options: ['a', 'b'], gold: 7 }, answers)).toMatchObject({ acc: 0 })
  })

  it('may be right in several ways', () => {
    const row = { options: ['a', 'b', 'c'], gold: [0, 2] }
    expect(
      score(
        task,
        row,
        [
          [-3, false],
          [-2, false],
          [-1, true],
        ],
        true,
      ),
    ).toMatchObject({ acc: 1, exact_match: 1 })
  })
})

describe('a generated text', () => {
  it('is compared with the target as text', () => {
    expect(score({ doc_to_target: 'n' }, { n: 42 }, ['42'])).toEqual({ exact_match: 1 })
    expect(score({ doc_to_target: '{{n}}.' }, { n: 42 }, ['42'])).toEqual({ exact_match: 0 })
  })

  it('may be any of several targets', () => {
    expect(score({ doc_to_target: 'all' }, { all: ['a', 'b'] }, ['b'], true)).toEqual({ exact_match: 1 })
    expect(score({ doc_to_target: 'all' }, { all: ['a', 'b'] }, ['c'], true)).toEqual({ exact_match: 0 })
  })

  it('is compared with a choice by its position', () => {
    const task = { doc_to_choice: ['no', 'yes'], doc_to_target: 'label' }
    expect(score(task, { label: 1 }, ['yes'])).toEqual({ exact_match: 1 })
    expect(() => score(task, { label: 'x' }, ['yes'])).toThrow('x, which is the position of no choice')
  })

  it('must be one', () => {
    expect(() => score({ doc_to_target: 'n' }, { n: 1 }, [['a', 'b']])).toThrow(
      'metrics compare one text (end with take_first)',
    )
    expect(() => score({ doc_to_target: 'n', metric_list: [{ metric: 'bleu' }] }, { n: 1 }, ['a'])).toThrow(
      'bleu is no metric of generated text',
    )
  })
})

it('a likelihood is recorded with whether each token was the first choice', () => {
  expect(score({ output_type: 'loglikelihood' }, {}, [[-2.5, true]])).toEqual({ perplexity: -2.5, acc: 1 })
})

it('a rolling likelihood is recorded with the words and bytes of the text', () => {
  const task = { output_type: 'loglikelihood_rolling', doc_to_target: 'page' } as const
  expect(score(task, { page: ' é b' }, [-9])).toEqual({
    word_perplexity: [-9, 3],
    byte_perplexity: [-9, 5],
    bits_per_byte: [-9, 5],
  })
})
