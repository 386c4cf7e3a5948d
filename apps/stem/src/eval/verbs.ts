import type { PairedOptions } from '@stemkit/eval'
import { Command, InvalidArgumentError } from 'commander'
import { number, wholeNumber } from '../commands/number-option.ts'
import { several } from './run-options.ts'

// What the verbs take. What they do is loaded when it is asked for: help needs none of it.

export interface TasksFlags {
  readonly includePath?: readonly string[]
  readonly json?: boolean
}

export function tasksVerb(): Command {
  return new Command('tasks')
    .description('list what --tasks may name: tasks, groups and tags')
    .argument('[text]', 'only names that contain it')
    .option('--include-path <folder>', 'tasks of your own, in YAML; may be repeated', several)
    .option('--json', 'print one JSON object: { tasks }')
    .action(async (text: string | undefined, flags: TasksFlags) => {
      const { listTasks } = await import('./list-tasks.ts')
      await listTasks(text, flags)
    })
}

export interface CompareFlags extends PairedOptions {
  readonly html?: string
  readonly json?: boolean
}

export function compareVerb(): Command {
  return new Command('compare')
    .description('paired differences of two runs on the same documents, with confidence intervals')
    .argument('<first>', 'folder of a run, as --out names it; those of lm-evaluation-harness will do')
    .argument('<second>', 'folder of the other: differences are its scores less the first one\u2019s')
    .option('--rounds <n>', 'of the bootstrap (default: 10000)', wholeNumber(1))
    .option('--seed <n>', 'of the bootstrap (default: 1234)', wholeNumber(0))
    .option('--confidence <share>', 'of the intervals (default: 0.95)', share)
    .option('--html <file>', 'write a report with plots')
    .option('--json', 'print one JSON object: { first, second, metrics, unmatched }')
    .action(async (first: string, second: string, flags: CompareFlags) => {
      const { compareFolders } = await import('./compare-eval.ts')
      await compareFolders(first, second, flags)
    })
}

export interface ComputeFlags {
  readonly baseline?: string
  readonly html?: string
  readonly json?: boolean
}

export function computeVerb(): Command {
  return new Command('compute')
    .description('return on compute: accuracy, and what of it is above guessing, per operation of the training')
    .argument('<run...>', 'folders of runs, as --out names them, of models that stem train has made')
    .option('--baseline <run>', 'the run that the others are set against (default: the first)')
    .option('--html <file>', 'write a report with plots')
    .option('--json', 'print one JSON object: { tasks, baseline, runs }')
    .action(async (folders: string[], flags: ComputeFlags) => {
      const { computeReturns } = await import('./compute-eval.ts')
      await computeReturns(folders, flags)
    })
}

export interface VerifyFlags {
  readonly json?: boolean
}

export function verifyVerb(): Command {
  return new Command('verify')
    .description('compare records of lm-evaluation-harness with what is computed here, to the last digit')
    .argument('<dir>', 'folder of records, files that end in .json.gz or .json, laid out as shared/oracle-eval')
    .option('--json', 'print the results as one JSON object')
    .action(async (dir: string, flags: VerifyFlags) => {
      const { verifyRecords } = await import('./verify.ts')
      await verifyRecords(dir, flags)
    })
}

function share(text: string): number {
  const value = number(text)
  if (value > 0 && value < 1) return value
  throw new InvalidArgumentError('It must be between 0 and 1.')
}
