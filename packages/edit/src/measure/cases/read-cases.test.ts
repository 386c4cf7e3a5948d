import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { readCases, readFacts } from './read-cases.ts'

const none = { paraphrases: [], neighbours: [], portability: [], generation: [], references: [] }
const read = (...records: unknown[]) => readCases(JSON.stringify(records))

describe('cases are read', () => {
  test('as ROME publishes CounterFact', () => {
    const found = read({
      case_id: 7,
      requested_rewrite: {
        prompt: 'The mother tongue of {} is',
        relation_id: 'P103',
        target_new: { str: 'English', id: 'Q1860' },
        target_true: { str: 'French', id: 'Q150' },
        subject: 'Danielle Darrieux',
      },
      paraphrase_prompts: ['Shayna does this. Danielle Darrieux, a native'],
      neighborhood_prompts: ['The mother tongue of L\u00e9on Blum is'],
      attribute_prompts: ['The mother tongue of Douglas Adams is'],
      generation_prompts: ["Danielle Darrieux's mother tongue is"],
    })
    expect(found).toEqual({
      format: 'counterfact',
      cases: [
        {
          ...none,
          id: '7',
          subject: 'Danielle Darrieux',
          relation: 'P103',
          prompt: 'The mother tongue of Danielle Darrieux is',
          answer: 'English',
          truth: 'French',
          paraphrases: ['Shayna does this. Danielle Darrieux, a native'],
          neighbours: [{ prompt: 'The mother tongue of L\u00e9on Blum is', answer: 'French' }],
          generation: ["Danielle Darrieux's mother tongue is"],
        },
      ],
    })
  })

  test('as EasyEdit writes CounterFact, with portability in any of its ways', () => {
    const record = {
      case_id: 3,
      prompt: 'BBC One, by',
      target_new: 'Sega',
      subject: 'BBC One',
      ground_truth: 'BBC',
      rephrase_prompt: 'BBC One is owned by',
      locality_prompt: 'BBC Radio, by',
      locality_ground_truth: 'BBC',
    }
    const expected = {
      ...none,
      id: '3',
      subject: 'BBC One',
      prompt: 'BBC One, by',
      answer: 'Sega',
      truth: 'BBC',
      paraphrases: ['BBC One is owned by'],
      neighbours: [{ prompt: 'BBC Radio, by', answer: 'BBC' }],
    }
    const portability = [{ prompt: 'The owner of BBC One comes from', answer: 'Japan' }]
    const [{ prompt, answer }] = portability as [{ prompt: string; answer: string }]
    expect(read(record)).toEqual({ format: 'easyedit', cases: [expected] })
    for (const more of [
      { portability_prompt: prompt, portability_ground_truth: answer },
      { portability: { 'New Question': prompt, 'New Answer': answer } },
      { portability: { Reasoning: [{ prompt, ground_truth: [[answer, 'Nippon']] }] } },
    ]) {
      expect(read({ ...record, ...more }).cases[0]).toEqual({ ...expected, portability })
    }
  })

  test('as MEND writes zsRE', () => {
    const found = read({
      subject: 'UniFirst',
      src: 'What is the product made by UniFirst?',
      pred: 'uniform',
      rephrase: 'What will be the product of UniFirst?',
      alt: 'unmanned aircraft',
      answers: ['uniforms'],
      loc: 'nq question: where was it filmed',
      loc_ans: 'Miami, Florida',
    })
    expect(found.format).toBe('zsre')
    expect(found.cases).toEqual([
      {
        ...none,
        id: '0',
        subject: 'UniFirst',
        prompt: 'What is the product made by UniFirst?',
        answer: 'unmanned aircraft',
        truth: 'uniforms',
        paraphrases: ['What will be the product of UniFirst?'],
        neighbours: [{ prompt: 'nq question: where was it filmed?', answer: 'Miami, Florida' }],
      },
    ])
  })

  test('and as lines of its own, of which the most can be left out', () => {
    const lines = [
      '{"subject":"Spain","prompt":"The capital of Spain is","answer":"Berlin"}',
      '',
      '{"id":"x","subject":"a","prompt":"a is","answer":"b","donor":"c","references":["b is b"]}',
    ]
    const { format, cases } = readCases(lines.join('\n'))
    expect(format).toBe('stemkit')
    expect(cases).toEqual([
      { ...none, id: '0', subject: 'Spain', prompt: 'The capital of Spain is', answer: 'Berlin' },
      { ...none, id: 'x', subject: 'a', prompt: 'a is', answer: 'b', donor: 'c', references: ['b is b'] },
    ])
  })
})

test.each([
  ['nothing', '', 'there are none'],
  ['another file', '[{"text":"x"}]', 'none of CounterFact, zsRE'],
  ['a line that is no JSON', '{"subject":"a"', 'line 1 is no JSON'],
  ['a case with a field missing', '{"subject":"a","answer":"b"}', 'case 0, prompt: '],
  [
    'an unknown field',
    '{"subject":"a","prompt":"p","answer":"b","rephrase":"c"}',
    'case 0: Unrecognized key: "rephrase"',
  ],
])('%s is refused, with the place', (_, content, message) => {
  expect(() => readCases(content)).toThrow(message)
})

describe.skipIf(!existsSync(new URL('../../../../../../shared/data/editing', import.meta.url)))(
  'files, where shared/data has them',
  () => {
    const file = (name: string): string =>
      readFileSync(new URL(`../../../../../../shared/data/editing/${name}`, import.meta.url), 'utf8')

    test.each([
      ['counterfact-easyedit/counterfact-edit-1k.json', 'easyedit', 1000],
      ['counterfact-easyedit/counterfact-val.json', 'easyedit', 1919],
      ['zsre-easyedit/zsre_mend_train-1k.json', 'zsre', 1000],
    ])('%s', (name, format, count) => {
      const found = readCases(file(name))
      expect(found.format).toBe(format)
      expect(found.cases.length).toBe(count)
      for (const { paraphrases, neighbours } of found.cases) {
        expect(paraphrases.length).toBe(1)
        expect(neighbours.length).toBe(1)
      }
    })

    test('known_1000', () => {
      const facts = readFacts(file('known_1000/known_1000.json'))
      expect(facts.length).toBe(1209)
      expect(facts[0]).toEqual({ subject: 'Vinson Massif', answer: 'Antarctica', relation: 'P30' })
    })
  },
)
