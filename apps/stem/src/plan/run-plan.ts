import { makePlan } from './make-plan.ts'
import { measurePlan } from './measure-plan.ts'
import { printPlan } from './print-plan.ts'
import { readSubject } from './subject.ts'
import { signalOfProcess } from '../terminal/exit.ts'
import { statusLine } from '../terminal/progress.ts'
import type { PlanFlags } from '../commands/plan.ts'

/** Prints what a model needs. */
export async function runPlan(path: string, flags: PlanFlags): Promise<void> {
  const signal = signalOfProcess()
  const status = statusLine()
  const { set = [], plugin: plugins = [], batch, length, budget, text, tokenizer, tokens } = flags
  try {
    const subject = await readSubject(path, {
      set,
      plugins,
      batch,
      length,
      budget,
      text,
      tokenizer,
      tokens,
      signal,
      onProgress: status.show,
    })
    const plan = await makePlan(subject, { signal, onProgress: status.show })
    const measured = flags.measure ? await measurePlan(subject, plan, { signal, onProgress: status.show }) : undefined
    status.clear()
    process.stdout.write(
      flags.json ? `${JSON.stringify({ ...plan, ...(measured ? { measured } : {}) })}\n` : printPlan(plan, measured),
    )
  } finally {
    status.clear()
  }
}
