import { StemkitError } from '@stemkit/spec/errors'
import type { ChatMessage } from '../ask/eval-model.ts'
import type { EvalRequest } from '../ask/requests.ts'
import { builtInTasks } from '../tasks/built-in-tasks.ts'
import type { Group } from '../tasks/group.ts'
import { didYouMean } from '../tasks/nearest.ts'
import type { DatasetContext } from '../tasks/processors.ts'
import type { RowSource } from '../tasks/rows.ts'
import { createTaskRegistry, type TaskRegistry } from '../tasks/task-registry.ts'
import { resolveTask } from '../tasks/task.ts'
import { loadDocuments } from './load-documents.ts'
import { planTask, type TaskPlan } from './plan-task.ts'

export interface RunOptions {
  /** Names of tasks, groups or tags. */
  readonly tasks: readonly string[]
  /** Where the data are. */
  readonly rows: RowSource
  /** What the names mean. Default: the tasks of this package. */
  readonly registry?: TaskRegistry
  /** Shots before each document; a task whose definition says 0 keeps 0. Default: as the task says. */
  readonly numFewshot?: number
  /** At most so many documents of a task; below 1, that share of them. */
  readonly limit?: number
  /** Positions of the documents to evaluate, by task. Not together with `limit`. */
  readonly samples?: Readonly<Record<string, readonly number[]>>
  /** Of the draws of shots. Default 1234. */
  readonly seed?: number
  /** Text before every prompt. */
  readonly systemInstruction?: string
  /** Whether prompts are chats, rendered by the model's own template. Default false. */
  readonly applyChatTemplate?: boolean
  /** Whether shots are turns of the chat; else all are in one message. Default true. */
  readonly fewshotAsMultiturn?: boolean
  /** Laid over the generation arguments of the tasks. */
  readonly genKwargs?: Readonly<Record<string, unknown>>
  readonly signal?: AbortSignal
}

/** What planning needs to know of a model. */
export interface PlannedModel {
  applyChatTemplate?(messages: readonly ChatMessage[], options: { readonly addGenerationPrompt: boolean }): string
  countTokens?: DatasetContext['countTokens']
}

/** Everything that a run asks and how it will be put together. */
export interface RunPlan {
  readonly tasks: readonly TaskPlan[]
  readonly groups: readonly Group[]
  /** The questions of all tasks, one after the other: of each document each request, as often as the task repeats it. */
  readonly requests: readonly EvalRequest[]
}

/** Of the draws of shots. */
export const DEFAULT_SEED = 1234

/** Reads the rows of the tasks and builds every request. The same rows and options always give the same plan. */
export async function planRun(options: RunOptions, model: PlannedModel = {}): Promise<RunPlan> {
  const registry = options.registry ?? createTaskRegistry(builtInTasks)
  const { tasks, groups } = registry.load(options.tasks)
  checkOptions(options, [...tasks.keys()], model)
  const chat = options.applyChatTemplate && {
    render: (messages: readonly ChatMessage[], how: { readonly addGenerationPrompt: boolean }) =>
      model.applyChatTemplate?.(messages, how) ?? '',
    multiturn: options.fewshotAsMultiturn ?? true,
  }
  const plans: TaskPlan[] = []
  for (const definition of tasks.values()) {
    options.signal?.throwIfAborted()
    const task = resolveTask(definition, {
      ...(options.numFewshot !== undefined && { numFewshot: options.numFewshot }),
      ...(options.genKwargs && { genKwargs: options.genKwargs }),
    })
    const documents = await loadDocuments(task, {
      rows: options.rows,
      processors: registry.processors,
      ...(model.countTokens && { countTokens: (text: string) => model.countTokens?.(text) ?? 0 }),
      ...(options.limit !== undefined && { limit: options.limit }),
      ...(options.samples?.[task.name] && { samples: options.samples[task.name] as readonly number[] }),
      ...(options.signal && { signal: options.signal }),
    })
    const plan = planTask(task, documents, {
      processors: registry.processors,
      seed: options.seed ?? DEFAULT_SEED,
      ...(options.systemInstruction !== undefined && { systemInstruction: options.systemInstruction }),
      ...(chat && { chat }),
    })
    plans.push(plan)
  }
  return { tasks: plans, groups, requests: plans.flatMap(requestsOf) }
}

const requestsOf = ({ task, documents }: TaskPlan): EvalRequest[] =>
  documents.flatMap(({ requests }) =>
    requests.flatMap(({ request }) => Array.from({ length: task.repeats }, (_, repeat) => repeated(request, repeat))),
  )

/** Repeats are questions of their own, so that sampled answers may differ. */
const repeated = (request: EvalRequest, repeat: number): EvalRequest =>
  request.kind === 'generate_until' && repeat > 0 ? { ...request, repeat } : request

function checkOptions(
  { limit, samples, applyChatTemplate }: RunOptions,
  tasks: readonly string[],
  model: PlannedModel,
): void {
  if (limit !== undefined && samples) {
    throw new StemkitError('bad-input', 'limit and samples were both given; choose documents by one of them')
  }
  if (limit !== undefined && !(limit > 0)) throw new StemkitError('bad-input', `limit is ${limit}; it must be above 0`)
  const unknown = Object.keys(samples ?? {}).find((name) => !tasks.includes(name))
  if (unknown !== undefined) {
    throw new StemkitError('bad-input', `samples names ${unknown}, which is not run${didYouMean(unknown, tasks)}`)
  }
  if (applyChatTemplate && !model.applyChatTemplate) {
    throw new StemkitError('unsupported', 'a chat template is asked for and the model has none')
  }
}
