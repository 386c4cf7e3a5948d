import { mergeProcessors } from './processors.ts'
import type { TaskSet } from './task-registry.ts'
import { bbh } from './built-in/bbh.ts'
import { commonsense, commonsenseProcessors } from './built-in/commonsense.ts'
import { language, languageProcessors } from './built-in/language.ts'
import { longbenchTasks } from './built-in/longbench.ts'
import { mmlu } from './built-in/mmlu.ts'
import { needleGridTasks } from './built-in/needle-grid.ts'
import { reasoning, reasoningProcessors } from './built-in/reasoning.ts'
import { rulerTasks } from './built-in/ruler.ts'

const longContext = [longbenchTasks(), rulerTasks(), needleGridTasks()]

/** The tasks of this package. */
export const builtInTasks: TaskSet = {
  definitions: [
    ...commonsense,
    ...reasoning,
    ...mmlu,
    ...bbh,
    ...language,
    ...longContext.flatMap(({ definitions }) => definitions),
  ],
  processors: mergeProcessors(
    commonsenseProcessors,
    reasoningProcessors,
    languageProcessors,
    ...longContext.map(({ processors = {} }) => processors),
  ),
}
