import type {
  ChoiceField,
  FilterEntry,
  MetricEntry,
  OutputType,
  TargetField,
  TaskDefinition,
  TextField,
} from './task-definition.ts'

/** How the shots of a task are written; what a definition does not say is as in the evaluated document. */
export interface ShotFormat {
  readonly sampler: 'default' | 'first_n'
  readonly split?: string
  readonly samples?: readonly Readonly<Record<string, unknown>>[]
  readonly processDocs?: string
  readonly text: TextField
  readonly target: TargetField
  readonly choice?: ChoiceField
  readonly genPrefix?: string
  readonly targetDelimiter: string
  readonly fewshotDelimiter: string
}

/** A task with every default filled in and the options of a run applied. */
export interface Task {
  readonly name: string
  readonly alias: string
  readonly definition: TaskDefinition
  readonly outputType: OutputType
  readonly numFewshot: number
  readonly text: TextField
  readonly target: TargetField
  readonly choice?: ChoiceField
  readonly genPrefix?: string
  readonly description: string
  readonly targetDelimiter: string
  readonly fewshotDelimiter: string
  readonly shots: ShotFormat
  readonly metrics: readonly MetricEntry[]
  readonly filters: readonly FilterEntry[]
  readonly repeats: number
  /** As the definition and the run say them; `normalizeGenerationArguments` is what a model gets. */
  readonly generationArguments: Readonly<Record<string, unknown>>
  readonly version: string | number
}

export interface TaskOptions {
  /** Shots before a document. A task whose definition says 0 keeps 0. */
  readonly numFewshot?: number
  /** Laid over the generation arguments of the tasks. */
  readonly genKwargs?: Readonly<Record<string, unknown>>
}

const defaultMetrics: Readonly<Record<OutputType, readonly string[]>> = {
  loglikelihood: ['perplexity', 'acc'],
  loglikelihood_rolling: ['word_perplexity', 'byte_perplexity', 'bits_per_byte'],
  multiple_choice: ['acc', 'acc_norm'],
  generate_until: ['exact_match'],
}

const firstAnswer: readonly FilterEntry[] = [{ name: 'none', filter: [{ function: 'take_first' }] }]

/** The defaults of lm-evaluation-harness and the options of a run, laid around a definition. */
export function resolveTask(definition: TaskDefinition, options: TaskOptions = {}): Task {
  const outputType = definition.output_type ?? 'generate_until'
  const fewshotDelimiter = definition.fewshot_delimiter ?? '\n\n'
  const { numFewshot } = options
  return {
    name: definition.task,
    alias: definition.task_alias ?? definition.task,
    definition,
    outputType,
    numFewshot: numFewshot === undefined || definition.num_fewshot === 0 ? (definition.num_fewshot ?? 0) : numFewshot,
    text: definition.doc_to_text ?? '',
    target: definition.doc_to_target ?? '',
    ...(definition.doc_to_choice !== undefined && { choice: definition.doc_to_choice }),
    ...(definition.gen_prefix !== undefined && { genPrefix: definition.gen_prefix }),
    description: definition.description ?? '',
    targetDelimiter: definition.target_delimiter ?? ' ',
    fewshotDelimiter,
    shots: shotFormat(definition),
    metrics: definition.metric_list ?? defaultMetrics[outputType].map((metric) => ({ metric })),
    filters: definition.filter_list ?? firstAnswer,
    repeats: definition.repeats ?? 1,
    generationArguments:
      outputType === 'generate_until'
        ? { ...generationArguments(definition, fewshotDelimiter), ...options.genKwargs }
        : {},
    version: definition.metadata?.version ?? 'Yaml',
  }
}

function shotFormat(definition: TaskDefinition): ShotFormat {
  const shots = definition.fewshot_config ?? {}
  const split = shots.split ?? definition.fewshot_split
  const processDocs = shots.process_docs ?? definition.process_docs
  const choice = shots.doc_to_choice ?? definition.doc_to_choice
  const genPrefix = shots.gen_prefix ?? definition.gen_prefix
  return {
    sampler: shots.sampler ?? 'default',
    ...(split !== undefined && { split }),
    ...(shots.samples && { samples: shots.samples }),
    ...(processDocs !== undefined && { processDocs }),
    text: shots.doc_to_text ?? definition.doc_to_text ?? '',
    target: shots.doc_to_target ?? definition.doc_to_target ?? '',
    ...(choice !== undefined && { choice }),
    ...(genPrefix !== undefined && { genPrefix }),
    targetDelimiter: shots.target_delimiter ?? definition.target_delimiter ?? ' ',
    fewshotDelimiter: shots.fewshot_delimiter ?? definition.fewshot_delimiter ?? '\n\n',
  }
}

function generationArguments(definition: TaskDefinition, fewshotDelimiter: string): Record<string, unknown> {
  const given = definition.generation_kwargs
  if (!given) return { temperature: 0, do_sample: false, max_gen_toks: 256, until: [fewshotDelimiter] }
  return given.until === undefined ? { ...given, until: [fewshotDelimiter] } : { ...given }
}
