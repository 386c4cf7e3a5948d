import type { EvalRun } from '../run/score-run.ts'
import { sha256 } from './sha256.ts'

/** What a result file says of a run besides its scores. */
export interface RunFacts {
  /** What kind of model it is, such as `stem` or `completions`. */
  readonly modelSource: string
  readonly modelName: string
  /** When the run began, in seconds since 1970. */
  readonly date: number
  readonly seconds: number
  readonly limit?: number
  readonly bootstrapRounds?: number
  readonly genKwargs?: Readonly<Record<string, unknown>>
  readonly seed?: number
  readonly systemInstruction?: string
  /** Whether shots were turns of a chat. */
  readonly fewshotAsMultiturn?: boolean
  /** The text of the chat template that was applied. */
  readonly chatTemplate?: string
}

/** The contents of `results_DATE.json`, in the shape of lm-evaluation-harness's. */
export async function resultFile(run: EvalRun, facts: RunFacts): Promise<Record<string, unknown>> {
  const { results, groups, group_subtasks, ...counts } = run.results
  const { systemInstruction = null, chatTemplate = null } = facts
  return {
    results,
    ...(groups && { groups }),
    group_subtasks,
    configs: run.configs,
    ...counts,
    config: {
      model: facts.modelSource,
      model_args: facts.modelName,
      limit: facts.limit ?? null,
      bootstrap_iters: facts.bootstrapRounds ?? 100_000,
      gen_kwargs: facts.genKwargs ?? null,
      fewshot_seed: facts.seed ?? 1234,
    },
    date: facts.date,
    task_hashes: run.taskHashes,
    model_source: facts.modelSource,
    model_name: facts.modelName,
    model_name_sanitized: sanitized(facts.modelName),
    system_instruction: systemInstruction,
    system_instruction_sha: systemInstruction ? await sha256(systemInstruction) : null,
    fewshot_as_multiturn: facts.fewshotAsMultiturn ?? null,
    chat_template: chatTemplate,
    chat_template_sha: chatTemplate ? await sha256(chatTemplate) : null,
    total_evaluation_time_seconds: String(facts.seconds),
  }
}

/** Names of a run's files, by lm-evaluation-harness's rules: in a folder of the model, with the time of writing. */
export function resultFileNames(modelName: string, written: Date) {
  const date = written.toISOString().replace('Z', '').replaceAll(':', '-')
  return {
    folder: sanitized(modelName),
    results: `results_${date}.json`,
    samples: (task: string) => `samples_${task}_${date}.jsonl`,
  }
}

/** A name that can be a file's. */
const sanitized = (name: string) => name.replaceAll(/["<>:/|\\?*[\]]+/g, '__')
