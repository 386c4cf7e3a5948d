import { StemkitError } from '@stemkit/spec/errors'
import { normalizeGenerationArguments } from '../ask/generation-arguments.ts'
import type { EvalRequest } from '../ask/requests.ts'
import { pythonStr } from '../python/repr.ts'
import type { Row } from '../tasks/rows.ts'
import type { Task } from '../tasks/task.ts'
import { endsWithSpace } from './delimit.ts'
import { choicesOf, targetOf, type FieldContext } from './document-fields.ts'

/** A question for the model, and how the log of samples has it. */
export interface DocumentRequest {
  readonly request: EvalRequest
  /** `[context, continuation]`, `[text]`, or `[context, generation arguments]` as the task gives them. */
  readonly arguments: readonly unknown[]
}

/** What is asked about one document, in the order in which its metrics take the answers. */
export function buildRequests(
  task: Task,
  row: Row,
  contexts: readonly string[],
  context: FieldContext & { readonly choicesAreQuestions: boolean },
  options: { readonly isChat: boolean },
): DocumentRequest[] {
  const target = () => asText(task, targetOf(task.target, row, context))
  const [prompt = ''] = contexts
  switch (task.outputType) {
    case 'loglikelihood':
      return [loglikelihood(prompt, target())]
    case 'loglikelihood_rolling': {
      const text = target()
      return [{ request: { kind: 'loglikelihood_rolling', text }, arguments: [text] }]
    }
    case 'generate_until': {
      const generation = { ...task.generationArguments }
      return [
        {
          request: { kind: 'generate_until', context: prompt, arguments: normalizeGenerationArguments(generation) },
          arguments: [prompt, generation],
        },
      ]
    }
    case 'multiple_choice': {
      const delimiter = choiceDelimiter(task, options.isChat)
      const choices = choicesOf(task.choice ?? [], row, context)
      const asked = context.choicesAreQuestions
        ? contexts.map((question) => loglikelihood(question, delimiter + shown(targetOf(task.target, row, context))))
        : choices.map((choice) => loglikelihood(prompt, delimiter + choice))
      // How likely the choices are by themselves.
      const unconditional = task.metrics.some(({ metric }) => metric === 'acc_mutual_info')
        ? choices.map((choice) => loglikelihood('', delimiter + choice))
        : []
      return [...asked, ...unconditional]
    }
  }
}

/** In a chat the answer begins its message, except after a prefix that leaves room for the delimiter. */
function choiceDelimiter({ genPrefix, targetDelimiter }: Task, isChat: boolean): string {
  return isChat && !(genPrefix && !endsWithSpace(genPrefix)) ? '' : targetDelimiter
}

const loglikelihood = (context: string, continuation: string): DocumentRequest => ({
  request: { kind: 'loglikelihood', context, continuation },
  arguments: [context, continuation],
})

const shown = (value: unknown) => pythonStr(value)

function asText(task: Task, value: unknown): string {
  if (typeof value === 'string') return value
  throw new StemkitError('bad-input', `doc_to_target gives ${pythonStr(value)}; ${task.outputType} needs text`)
}
