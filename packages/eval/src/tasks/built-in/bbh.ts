import type { GroupDefinition, TaskDefinition } from '../task-definition.ts'
import data from './bbh-prompts.json' with { type: 'json' }

interface Prompt {
  readonly description: string
  /** Three solved questions; the last words of each target are "So the answer is X." */
  readonly shots: readonly { readonly input: string; readonly target: string }[]
}

const prompts: Readonly<Record<string, Prompt>> = data.prompts
const letters = (count: number) => Array.from({ length: count }, (_, i) => `(${String.fromCodePoint(65 + i)})`)

/** What the tasks that are scored by likelihood choose among. */
const choices: Readonly<Record<string, readonly string[]>> = {
  boolean_expressions: ['False', 'True'],
  causal_judgement: ['Yes', 'No'],
  date_understanding: letters(6),
  disambiguation_qa: letters(3),
  formal_fallacies: ['valid', 'invalid'],
  geometric_shapes: letters(11),
  hyperbaton: letters(2),
  logical_deduction_five_objects: letters(5),
  logical_deduction_seven_objects: letters(7),
  logical_deduction_three_objects: letters(3),
  movie_recommendation: letters(6),
  navigate: ['Yes', 'No'],
  object_counting: Array.from({ length: 19 }, (_, i) => String(i)),
  penguins_in_a_table: letters(5),
  reasoning_about_colored_objects: letters(18),
  ruin_names: letters(6),
  salient_translation_error_detection: letters(6),
  snarks: letters(2),
  sports_understanding: ['yes', 'no'],
  temporal_sequences: letters(4),
  tracking_shuffled_objects_five_objects: letters(5),
  tracking_shuffled_objects_seven_objects: letters(7),
  tracking_shuffled_objects_three_objects: letters(3),
  web_of_lies: ['Yes', 'No'],
}

const withReasoning = (name: string, { description, shots }: Prompt): TaskDefinition => ({
  task: `bbh_cot_fewshot_${name}`,
  dataset_path: 'SaylorTwift/bbh',
  dataset_name: name,
  output_type: 'generate_until',
  test_split: 'test',
  description: `${description}\n\n`,
  doc_to_text: "Q: {{input}}\nA: Let's think step by step.\n",
  doc_to_target: '{{target}}',
  target_delimiter: '',
  fewshot_config: { sampler: 'first_n', samples: [...shots] },
  num_fewshot: 3,
  generation_kwargs: { max_gen_toks: 1024, until: ['</s>', 'Q', '\n\n'], do_sample: false, temperature: 0 },
  filter_list: [
    {
      name: 'get-answer',
      filter: [{ function: 'regex', regex_pattern: '(?<=the answer is )(.*)(?=.)' }, { function: 'take_first' }],
    },
  ],
  metric_list: [{ metric: 'exact_match', aggregation: 'mean', higher_is_better: true }],
  metadata: { version: 4 },
})

const byLikelihood = (name: string, { description, shots }: Prompt): TaskDefinition => ({
  task: `leaderboard_bbh_${name}`,
  dataset_path: 'SaylorTwift/bbh',
  dataset_name: name,
  output_type: 'multiple_choice',
  test_split: 'test',
  description,
  doc_to_text: 'Q: {{input}}\nA:',
  doc_to_target: '{{target}}',
  doc_to_choice: [...(choices[name] ?? [])],
  fewshot_config: {
    sampler: 'first_n',
    samples: shots.map(({ input, target }) => ({ input, target: answerOf(target) })),
  },
  num_fewshot: 3,
  metric_list: [{ metric: 'acc_norm', aggregation: 'mean', higher_is_better: true }],
  metadata: { version: 1 },
})

const answerOf = (reasoning: string) => /the answer is (.*)\.$/.exec(reasoning)?.[1] ?? ''

const names = Object.keys(prompts)
const group = (name: string): GroupDefinition => ({
  group: name,
  task: names.map((subject) => `bbh_cot_fewshot_${subject}`),
  aggregate_metric_list: [{ metric: 'exact_match', weight_by_size: true, filter_list: 'get-answer' }],
  metadata: { version: '3.0' },
})

/** BIG-Bench Hard: with reasoning before the answer (27 tasks), and by the likelihood of the choices (24). */
export const bbh: readonly (TaskDefinition | GroupDefinition)[] = [
  ...Object.entries(prompts).map(([name, prompt]) => withReasoning(name, prompt)),
  group('bbh_cot_fewshot'),
  group('bbh'),
  ...Object.entries(prompts)
    .filter(([name]) => name in choices)
    .map(([name, prompt]) => byLikelihood(name, prompt)),
  {
    group: 'leaderboard_bbh',
    task: Object.keys(choices).map((name) => `leaderboard_bbh_${name}`),
    aggregate_metric_list: [{ metric: 'acc_norm', weight_by_size: true }],
  },
]
