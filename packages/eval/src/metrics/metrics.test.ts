import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import computed from '../../fixtures/metrics/metrics.json' with { type: 'json' }
import { codeSimilarity, levenshteinRatio } from './code-similarity.ts'
import { containedShare } from './contained.ts'
import { classificationScore, retrievalScore } from './longbench.ts'
import { qaF1, qaF1Chinese } from './question-answering.ts'
import { rouge } from './rouge.ts'
import { sequenceRatio } from './sequence-matcher.ts'

describe('metrics, computed independently in Python', () => {
  it('agree on F1 and ROUGE', () => {
    for (const { prediction, answer, qa_f1, rouge: expected } of computed.texts) {
      expect(qaF1(prediction, answer)).toBeCloseTo(qa_f1, 12)
      const scores = rouge(prediction, answer)
      const flat = scores && [scores.rouge1, scores.rouge2, scores.rougeL].map((s) => [s.precision, s.recall, s.f])
      expect({ prediction, answer, flat: flat ?? null }).toEqual({ prediction, answer, flat: expected })
    }
  })

  it('agree on the similarity of code', () => {
    for (const { prediction, answer, line, difflib, indel, score, score_indel } of computed.codes) {
      expect(sequenceRatio(line, answer)).toBe(difflib)
      expect(levenshteinRatio(line, answer)).toBeCloseTo(indel, 12)
      expect(codeSimilarity(prediction, answer)).toBe(score)
      expect(codeSimilarity(prediction, answer, levenshteinRatio)).toBe(score_indel)
    }
  })
})

describe('similarity', () => {
  it('is 1 of a text with itself and lies between 0 and 1', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (a, b) => {
        for (const ratio of [sequenceRatio, levenshteinRatio]) {
          expect(ratio(a, a)).toBe(1)
          expect(ratio(a, b)).toBeGreaterThanOrEqual(0)
          expect(ratio(a, b)).toBeLessThanOrEqual(1)
        }
        // Matching blocks are a common subsequence, though not always the longest.
        expect(sequenceRatio(a, b)).toBeLessThanOrEqual(levenshteinRatio(a, b) + 1e-12)
      }),
    )
  })
})

describe('Chinese', () => {
  const byCharacter = (text: string) => [...text]

  it('compares the words of a segmenter without punctuation', () => {
    expect(qaF1Chinese('北京，。', '「北京」', byCharacter)).toBe(1)
    expect(qaF1Chinese('北京市', '北京', byCharacter)).toBeCloseTo(0.8, 12)
    expect(qaF1Chinese('！', '北京', byCharacter)).toBe(0)
  })

  it('finds paragraphs by number', () => {
    expect(retrievalScore('段落12', '段落12', 'zh')).toBe(1)
    expect(retrievalScore('段落1 或 12', '段落12', 'zh')).toBe(0.5)
  })
})

describe('containedShare', () => {
  it('counts the answers that the prediction has, upper and lower case alike', () => {
    expect(containedShare(' The value is ABC-1.\n', ['abc-1', 'xyz'])).toBe(0.5)
    expect(containedShare('12345678', ['1234567'])).toBe(1)
    expect(containedShare('', ['1'])).toBe(0)
  })
})

describe('classificationScore', () => {
  it('does not count classes whose names are part of the right one', () => {
    expect(classificationScore('Other location', 'Other location', ['Other location', 'location'])).toBe(1)
  })
})
