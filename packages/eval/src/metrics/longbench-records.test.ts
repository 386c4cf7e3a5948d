import { describe, expect, it } from 'vitest'
import { readRecord } from '../testing/read-record.ts'
import { codeSimilarity, levenshteinRatio } from './code-similarity.ts'
import { classificationScore, countScore, retrievalScore } from './longbench.ts'
import { qaF1 } from './question-answering.ts'
import { rouge } from './rouge.ts'

interface Case {
  prediction: string
  answer: string
  score: number
}

const { longbench } = (
  readRecord('units') as {
    units: {
      longbench: {
        pairs: (Case & { qa_f1?: number; rouge_l_f?: number; code_sim: number; code_sim_levenshtein: number })[]
        classification: (Case & { all_classes: string[] })[]
        count: Case[]
        retrieval: Case[]
      }
    }
  }
).units

describe("LongBench's metrics, to the last digit of the records", () => {
  it.each(longbench.pairs)('compares $prediction with $answer', (expected) => {
    const { prediction, answer } = expected
    if (expected.qa_f1 !== undefined) expect(qaF1(prediction, answer)).toBe(expected.qa_f1)
    if (expected.rouge_l_f !== undefined) expect(rouge(prediction, answer)?.rougeL.f ?? 0).toBe(expected.rouge_l_f)
    expect(codeSimilarity(prediction, answer)).toBe(expected.code_sim)
    expect(codeSimilarity(prediction, answer, levenshteinRatio)).toBe(expected.code_sim_levenshtein)
  })

  it.each(longbench.classification)('looks for the class $answer in $prediction', (expected) => {
    expect(classificationScore(expected.prediction, expected.answer, expected.all_classes)).toBe(expected.score)
  })

  it.each(longbench.count)('looks for the number $answer in $prediction', ({ prediction, answer, score }) => {
    expect(countScore(prediction, answer)).toBe(score)
  })

  it.each(longbench.retrieval)('looks for $answer in $prediction', ({ prediction, answer, score }) => {
    expect(retrievalScore(prediction, answer)).toBe(score)
  })
})
