import * as z from 'zod'

/** A template, the name of a column, or a named function of the processors. */
const processor = z.strictObject({ processor: z.string() })
const textField = z.union([z.string(), z.int(), processor])
const targetField = z.union([z.string(), z.int(), z.array(z.string()), processor])
const choiceField = z.union([z.string(), z.array(z.string()), processor, z.record(z.string(), z.string())])

const version = z.union([z.string(), z.number()])
const metadata = z.looseObject({ version: version.optional() })

const metric = z.looseObject({
  metric: z.string(),
  aggregation: z.string().optional(),
  higher_is_better: z.boolean().optional(),
})

const filter = z.strictObject({
  name: z.string(),
  filter: z.array(z.looseObject({ function: z.string() })).min(1),
})

const generationArguments = z.looseObject({
  until: z.union([z.string(), z.array(z.string())]).optional(),
  max_gen_toks: z.int().positive().optional(),
  do_sample: z.boolean().optional(),
  temperature: z.number().optional(),
})

/** How shots are chosen and written. */
export const fewshotConfig = z.strictObject({
  sampler: z.enum(['default', 'first_n']).optional(),
  split: z.string().optional(),
  samples: z.array(z.record(z.string(), z.unknown())).optional(),
  process_docs: z.string().optional(),
  doc_to_text: textField.optional(),
  doc_to_target: targetField.optional(),
  doc_to_choice: choiceField.optional(),
  gen_prefix: z.string().optional(),
  target_delimiter: z.string().optional(),
  fewshot_delimiter: z.string().optional(),
})

/** A task as data, in the field names of lm-evaluation-harness. */
export const taskDefinition = z.strictObject({
  task: z.string(),
  task_alias: z.string().optional(),
  tag: z.union([z.string(), z.array(z.string())]).optional(),
  dataset_path: z.string().optional(),
  dataset_name: z.string().optional(),
  dataset_kwargs: z.record(z.string(), z.unknown()).optional(),
  /** A named function of the processors that makes the rows. */
  custom_dataset: z.string().optional(),
  training_split: z.string().optional(),
  validation_split: z.string().optional(),
  test_split: z.string().optional(),
  fewshot_split: z.string().optional(),
  process_docs: z.string().optional(),
  doc_to_text: textField.optional(),
  doc_to_target: targetField.optional(),
  doc_to_choice: choiceField.optional(),
  process_results: z.string().optional(),
  description: z.string().optional(),
  target_delimiter: z.string().optional(),
  fewshot_delimiter: z.string().optional(),
  fewshot_config: fewshotConfig.optional(),
  num_fewshot: z.int().nonnegative().optional(),
  output_type: z.enum(['multiple_choice', 'loglikelihood', 'loglikelihood_rolling', 'generate_until']).optional(),
  metric_list: z.array(metric).min(1).optional(),
  generation_kwargs: generationArguments.optional(),
  repeats: z.int().positive().optional(),
  filter_list: z.array(filter).min(1).optional(),
  gen_prefix: z.string().optional(),
  /** Read, and of no effect. */
  should_decontaminate: z.boolean().optional(),
  /** Read, and of no effect. */
  doc_to_decontamination_query: z.string().optional(),
  metadata: metadata.optional(),
})

const aggregateMetric = z.strictObject({
  metric: z.string(),
  aggregation: z.literal('mean').optional(),
  weight_by_size: z.boolean().optional(),
  filter_list: z.union([z.string(), z.array(z.string())]).optional(),
})

/** Tasks and further groups with a score in common, in the field names of lm-evaluation-harness. */
export const groupDefinition = z.strictObject({
  group: z.string(),
  group_alias: z.string().optional(),
  task: z.union([z.string(), z.array(z.string()).min(1)]),
  aggregate_metric_list: z.union([aggregateMetric, z.array(aggregateMetric)]).optional(),
  metadata: metadata.optional(),
})

export type TaskDefinition = z.input<typeof taskDefinition>
export type GroupDefinition = z.input<typeof groupDefinition>
export type MetricEntry = z.output<typeof metric>
export type FilterEntry = z.output<typeof filter>
export type TextField = z.output<typeof textField>
export type TargetField = z.output<typeof targetField>
export type ChoiceField = z.output<typeof choiceField>
export type OutputType = NonNullable<TaskDefinition['output_type']>
