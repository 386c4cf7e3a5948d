import { literalEval } from '../../python/literal.ts'
import type { Processors } from '../processors.ts'
import type { GroupDefinition, TaskDefinition } from '../task-definition.ts'

const musr = (split: string): TaskDefinition => ({
  task: `leaderboard_musr_${split}`,
  dataset_path: 'TAUR-Lab/MuSR',
  output_type: 'multiple_choice',
  test_split: split,
  doc_to_text: { processor: 'musr_question' },
  doc_to_target: '{{answer_choice}}',
  doc_to_choice: '{{choices}}',
  metric_list: [{ metric: 'acc_norm', aggregation: 'mean', higher_is_better: true }],
  metadata: { version: 1 },
})

const mysteries = ['murder_mysteries', 'object_placements', 'team_allocation']

/** Answers that take several steps. */
export const reasoning: readonly (TaskDefinition | GroupDefinition)[] = [
  {
    task: 'gsm8k',
    tag: 'math_word_problems',
    dataset_path: 'openai/gsm8k',
    dataset_name: 'main',
    output_type: 'generate_until',
    training_split: 'train',
    fewshot_split: 'train',
    test_split: 'test',
    doc_to_text: 'Question: {{question}}\nAnswer:',
    doc_to_target: '{{answer}}',
    num_fewshot: 5,
    generation_kwargs: { until: ['Question:', '</s>', '<|im_end|>'], do_sample: false, temperature: 0 },
    filter_list: [
      {
        name: 'strict-match',
        filter: [{ function: 'regex', regex_pattern: String.raw`#### (\-?[0-9\.\,]+)` }, { function: 'take_first' }],
      },
      {
        name: 'flexible-extract',
        filter: [
          { function: 'regex', group_select: -1, regex_pattern: '(-?[$0-9.,]{2,})|(-?[0-9]+)' },
          { function: 'take_first' },
        ],
      },
    ],
    metric_list: [
      {
        metric: 'exact_match',
        aggregation: 'mean',
        higher_is_better: true,
        ignore_case: true,
        ignore_punctuation: false,
        regexes_to_ignore: [',', String.raw`\$`, '(?s).*#### ', String.raw`\.$`],
      },
    ],
    metadata: { version: 3 },
  },
  ...mysteries.map(musr),
  {
    group: 'leaderboard_musr',
    task: mysteries.map((split) => `leaderboard_musr_${split}`),
    aggregate_metric_list: [{ metric: 'acc_norm', weight_by_size: true }],
  },
]

export const reasoningProcessors: Processors = {
  fields: {
    musr_question(row) {
      const choices = literalEval(String(row.choices)) as string[]
      const list = choices.map((choice, i) => `${i + 1} - ${choice}\n`).join('')
      return `${String(row.narrative)}\n\n${String(row.question)}\n\n${list}\nAnswer:`
    },
  },
}
