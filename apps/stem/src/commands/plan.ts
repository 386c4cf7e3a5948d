import { Command } from 'commander'
import { makePlan } from '../plan/make-plan.ts'
import { measurePlan } from '../plan/measure-plan.ts'
import { printPlan } from '../plan/print-plan.ts'
import { readSubject } from '../plan/subject.ts'
import { pluginOption } from '../plugins/plugin-option.ts'
import { signalOfProcess } from '../terminal/exit.ts'
import { statusLine } from '../terminal/progress.ts'
import { byteCount } from './byte-option.ts'
import { wholeNumber } from './number-option.ts'

interface PlanFlags {
  readonly set?: readonly string[]
  readonly plugin?: readonly string[]
  readonly batch?: number
  readonly length?: number
  readonly budget?: number
  readonly text?: readonly string[]
  readonly tokenizer?: string
  readonly tokens: number
  readonly measure?: boolean
  readonly json?: boolean
}

export function planCommand(): Command {
  return new Command('plan')
    .description(
      'say what a model needs before anything is allocated: parameters, bytes, FLOPs, rows per step, hit rates',
    )
    .argument('<config>', "a run's YAML or JSON file, a model folder or its config.json")
    .option('--batch <sequences>', "sequences of a step (default: the config's, else 8)", wholeNumber(1))
    .option(
      '--length <tokens>',
      "tokens of a sequence (default: the config's, else the model's longest)",
      wholeNumber(1),
    )
    .option(
      '--budget <bytes>',
      "memory for cached rows, as in 512MiB (default: the config's, else shares of the table)",
      byteCount,
    )
    .option(
      '--text <path...>',
      "text whose tokens are counted (default: the config's, else State of the Union addresses)",
    )
    .option('--tokenizer <path>', "tokenizer.json or its folder (default: the config's, else the model folder's)")
    .option('--tokens <n>', 'how much of the text is counted', wholeNumber(1), 1_000_000)
    .option('--measure', 'run the text through a cache over rows in memory, and print the error of what was predicted')
    .option('--set <key=value>', 'lay a value over the config of a run; may be repeated', collect)
    .addOption(pluginOption())
    .option('--json', 'print the plan as one JSON object')
    .action(async (path: string, flags: PlanFlags) => {
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
        const measured = flags.measure
          ? await measurePlan(subject, plan, { signal, onProgress: status.show })
          : undefined
        status.clear()
        process.stdout.write(
          flags.json
            ? `${JSON.stringify({ ...plan, ...(measured ? { measured } : {}) })}\n`
            : printPlan(plan, measured),
        )
      } finally {
        status.clear()
      }
    })
}

const collect = (value: string, previous: readonly string[] = []): string[] => [...previous, value]
