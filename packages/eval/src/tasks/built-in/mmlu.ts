import type { GroupDefinition, TaskDefinition } from '../task-definition.ts'

/** Subjects by the group of MMLU that they belong to. */
const subjects = {
  stem: [
    'abstract_algebra',
    'anatomy',
    'astronomy',
    'college_biology',
    'college_chemistry',
    'college_computer_science',
    'college_mathematics',
    'college_physics',
    'computer_security',
    'conceptual_physics',
    'electrical_engineering',
    'elementary_mathematics',
    'high_school_biology',
    'high_school_chemistry',
    'high_school_computer_science',
    'high_school_mathematics',
    'high_school_physics',
    'high_school_statistics',
    'machine_learning',
  ],
  other: [
    'business_ethics',
    'clinical_knowledge',
    'college_medicine',
    'global_facts',
    'human_aging',
    'management',
    'marketing',
    'medical_genetics',
    'miscellaneous',
    'nutrition',
    'professional_accounting',
    'professional_medicine',
    'virology',
  ],
  social_sciences: [
    'econometrics',
    'high_school_geography',
    'high_school_government_and_politics',
    'high_school_macroeconomics',
    'high_school_microeconomics',
    'high_school_psychology',
    'human_sexuality',
    'professional_psychology',
    'public_relations',
    'security_studies',
    'sociology',
    'us_foreign_policy',
  ],
  humanities: [
    'formal_logic',
    'high_school_european_history',
    'high_school_us_history',
    'high_school_world_history',
    'international_law',
    'jurisprudence',
    'logical_fallacies',
    'moral_disputes',
    'moral_scenarios',
    'philosophy',
    'prehistory',
    'professional_law',
    'world_religions',
  ],
}

const subjectTask = (subject: string, category: string): TaskDefinition => ({
  task: `mmlu_${subject}`,
  task_alias: subject,
  tag: `mmlu_${category}_tasks`,
  dataset_path: 'cais/mmlu',
  dataset_name: subject,
  output_type: 'multiple_choice',
  test_split: 'test',
  fewshot_split: 'dev',
  fewshot_config: { sampler: 'first_n' },
  description: `The following are multiple choice questions (with answers) about ${subject.replaceAll('_', ' ')}.\n\n`,
  doc_to_text:
    '{{question.strip()}}\nA. {{choices[0]}}\nB. {{choices[1]}}\nC. {{choices[2]}}\nD. {{choices[3]}}\nAnswer:',
  doc_to_choice: ['A', 'B', 'C', 'D'],
  doc_to_target: 'answer',
  metric_list: [{ metric: 'acc', aggregation: 'mean', higher_is_better: true }],
  metadata: { version: 1 },
})

const group = (name: string, alias: string, task: string[]): GroupDefinition => ({
  group: name,
  group_alias: alias,
  task,
  aggregate_metric_list: [{ metric: 'acc', weight_by_size: true }],
  metadata: { version: '2' },
})

/** MMLU: 57 subjects in four groups. */
export const mmlu: readonly (TaskDefinition | GroupDefinition)[] = [
  ...Object.entries(subjects).flatMap(([category, names]) => names.map((name) => subjectTask(name, category))),
  ...Object.keys(subjects).map((name) => group(`mmlu_${name}`, name.replaceAll('_', ' '), [`mmlu_${name}_tasks`])),
  group('mmlu', 'mmlu', ['mmlu_stem', 'mmlu_other', 'mmlu_social_sciences', 'mmlu_humanities']),
]
