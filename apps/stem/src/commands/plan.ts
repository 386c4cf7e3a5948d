import { Command } from 'commander'
import { pluginOption } from '../plugins/plugin-option.ts'
import { byteCount } from './byte-option.ts'
import { wholeNumber } from './number-option.ts'

export interface PlanFlags {
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

const collect = (value: string, previous: readonly string[] = []): string[] => [...previous, value]

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
      const { runPlan } = await import('../plan/run-plan.ts')
      await runPlan(path, flags)
    })
}
