import type { Task } from '../tasks/task.ts'

/** A task as it was run, in the field names of definitions: defaults filled in, options of the run applied. */
export function taskConfig(task: Task): Record<string, unknown> {
  const isGenerated = task.outputType === 'generate_until'
  return {
    ...task.definition,
    output_type: task.outputType,
    description: task.description,
    target_delimiter: task.targetDelimiter,
    fewshot_delimiter: task.fewshotDelimiter,
    num_fewshot: task.numFewshot,
    metric_list: task.metrics,
    ...(isGenerated && { generation_kwargs: task.generationArguments }),
    repeats: task.repeats,
  }
}
