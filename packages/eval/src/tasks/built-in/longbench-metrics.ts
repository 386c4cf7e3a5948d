import { StemkitError } from '@stemkit/spec/errors'
import { codeSimilarity } from '../../metrics/code-similarity.ts'
import { classificationScore, countScore, retrievalScore } from '../../metrics/longbench.ts'
import { qaF1, qaF1Chinese, type Segmenter } from '../../metrics/question-answering.ts'
import { rouge } from '../../metrics/rouge.ts'
import { sequenceRatio } from '../../metrics/sequence-matcher.ts'
import type { Row } from '../rows.ts'

/** Names under which lm-evaluation-harness reports them. */
export type MetricName =
  | 'qa_f1_score'
  | 'qa_f1_zh_score'
  | 'rouge_score'
  | 'rouge_zh_score'
  | 'classification_score'
  | 'count_score'
  | 'retrieval_score'
  | 'retrieval_zh_score'
  | 'code_sim_score'

interface MetricContext {
  readonly row: Row
  readonly skipsBlankLines: boolean
}

export type LongbenchMetric = (prediction: string, answer: string, context: MetricContext) => number

/** The metrics of LongBench; those of Chinese text cut it into words with `segment`. */
export function longbenchMetrics(segment: Segmenter = (text) => [text]): Readonly<Record<MetricName, LongbenchMetric>> {
  const rougeL = (prediction: string, answer: string) => rouge(prediction, answer)?.rougeL.f ?? 0
  const words = (text: string) => segment(text).join(' ')
  return {
    qa_f1_score: qaF1,
    qa_f1_zh_score: (prediction, answer) => qaF1Chinese(prediction, answer, segment),
    rouge_score: rougeL,
    rouge_zh_score: (prediction, answer) => rougeL(words(prediction), words(answer)),
    classification_score: (prediction, answer, { row }) => classificationScore(prediction, answer, classesOf(row)),
    count_score: countScore,
    retrieval_score: (prediction, answer) => retrievalScore(prediction, answer),
    retrieval_zh_score: (prediction, answer) => retrievalScore(prediction, answer, 'zh'),
    code_sim_score: (prediction, answer, { skipsBlankLines }) =>
      codeSimilarity(prediction, answer, sequenceRatio, skipsBlankLines),
  }
}

function classesOf({ all_classes: classes }: Row): readonly string[] {
  if (Array.isArray(classes)) return classes.map(String)
  throw new StemkitError('bad-input', 'a row of LongBench has no list all_classes, which its score needs')
}
