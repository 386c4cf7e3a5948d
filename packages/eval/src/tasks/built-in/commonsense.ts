import { capitalize, strip } from '../../python/text.ts'
import type { Processors } from '../processors.ts'
import type { Row } from '../rows.ts'
import type { TaskDefinition } from '../task-definition.ts'

const accuracy = [{ metric: 'acc', aggregation: 'mean', higher_is_better: true }]
const accuracies = [...accuracy, { metric: 'acc_norm', aggregation: 'mean', higher_is_better: true }]

const arc = (task: string, dataset_name: string): TaskDefinition => ({
  task,
  tag: 'ai2_arc',
  dataset_path: 'allenai/ai2_arc',
  dataset_name,
  output_type: 'multiple_choice',
  training_split: 'train',
  validation_split: 'validation',
  test_split: 'test',
  doc_to_text: 'Question: {{question}}\nAnswer:',
  doc_to_target: '{{choices.label.index(answerKey)}}',
  doc_to_choice: '{{choices.text}}',
  metric_list: accuracies,
  metadata: { version: 1 },
})

/** Multiple choice by what everyone knows. */
export const commonsense: readonly TaskDefinition[] = [
  arc('arc_easy', 'ARC-Easy'),
  arc('arc_challenge', 'ARC-Challenge'),
  {
    task: 'openbookqa',
    dataset_path: 'allenai/openbookqa',
    dataset_name: 'main',
    output_type: 'multiple_choice',
    training_split: 'train',
    validation_split: 'validation',
    test_split: 'test',
    doc_to_text: 'question_stem',
    doc_to_target: '{{choices.label.index(answerKey.lstrip())}}',
    doc_to_choice: '{{choices.text}}',
    metric_list: accuracies,
    metadata: { version: 1 },
  },
  {
    task: 'boolq',
    tag: 'super-glue-lm-eval-v1',
    dataset_path: 'aps/super_glue',
    dataset_name: 'boolq',
    output_type: 'multiple_choice',
    training_split: 'train',
    validation_split: 'validation',
    doc_to_text: '{{passage}}\nQuestion: {{question}}?\nAnswer:',
    doc_to_target: 'label',
    doc_to_choice: ['no', 'yes'],
    metric_list: [{ metric: 'acc' }],
    metadata: { version: 2 },
  },
  {
    task: 'piqa',
    dataset_path: 'baber/piqa',
    output_type: 'multiple_choice',
    training_split: 'train',
    validation_split: 'validation',
    doc_to_text: 'Question: {{goal}}\nAnswer:',
    doc_to_target: 'label',
    doc_to_choice: '{{[sol1, sol2]}}',
    metric_list: accuracies,
    metadata: { version: 1 },
  },
  {
    task: 'social_iqa',
    dataset_path: 'lighteval/siqa',
    output_type: 'multiple_choice',
    training_split: 'train',
    validation_split: 'validation',
    doc_to_text: 'Q: {{context}} {{question}}\nA:',
    doc_to_target: '{{ (label|int) - 1 }}',
    doc_to_choice: '{{[answerA, answerB, answerC]}}',
    metric_list: accuracy,
    metadata: { version: 0 },
  },
  {
    task: 'hellaswag',
    tag: 'multiple_choice',
    dataset_path: 'Rowan/hellaswag',
    output_type: 'multiple_choice',
    training_split: 'train',
    validation_split: 'validation',
    process_docs: 'hellaswag',
    doc_to_text: '{{query}}',
    doc_to_target: '{{label}}',
    doc_to_choice: 'choices',
    metric_list: accuracies,
    metadata: { version: 1 },
  },
  {
    task: 'winogrande',
    dataset_path: 'allenai/winogrande',
    dataset_name: 'winogrande_xl',
    output_type: 'multiple_choice',
    training_split: 'train',
    validation_split: 'validation',
    doc_to_text: { processor: 'winogrande_answer' },
    doc_to_target: { processor: 'winogrande_ending' },
    doc_to_choice: { processor: 'winogrande_beginnings' },
    metric_list: accuracy,
    metadata: { version: 1 },
  },
]

export const commonsenseProcessors: Processors = {
  documents: {
    hellaswag: (row) => ({
      ...row,
      query: withoutMarkup(`${text(row, 'activity_label')}: ${text(row, 'ctx_a')} ${capitalize(text(row, 'ctx_b'))}`),
      choices: (row.endings as string[]).map(withoutMarkup),
      gold: Number(row.label),
    }),
  },
  fields: {
    // Each choice is a question: the sentence up to the gap, filled. What follows the gap is scored.
    winogrande_answer: (row) => (row.answer === '1' ? 0 : 1),
    winogrande_beginnings: (row) => {
      const [beginning] = aroundGap(row)
      return [beginning + text(row, 'option1'), beginning + text(row, 'option2')]
    },
    winogrande_ending: (row) => strip(aroundGap(row)[1]),
  },
}

const text = (row: Row, column: string) => String(row[column])

/** WikiHow's marks in brackets are taken out, then double spaces once. */
export const withoutMarkup = (raw: string): string =>
  strip(raw)
    .replaceAll(' [title]', '. ')
    .replaceAll(/\[[^\n]*?\]/gu, '')
    .replaceAll('  ', ' ')

function aroundGap(row: Row): [string, string] {
  const sentence = text(row, 'sentence')
  const gap = sentence.indexOf('_')
  return [sentence.slice(0, gap), sentence.slice(gap + 1)]
}
