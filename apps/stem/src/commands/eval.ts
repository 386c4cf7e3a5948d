import { StemkitError } from '@stemkit/spec/errors'
import { Command } from 'commander'
import { compareFolders, compareVerb } from '../eval/compare-eval.ts'
import { computeVerb } from '../eval/compute-eval.ts'
import { tasksVerb } from '../eval/list-tasks.ts'
import { runEval } from '../eval/run-eval.ts'
import { addRunOptions, type RunFlags } from '../eval/run-options.ts'
import { verifyVerb } from '../eval/verify.ts'

interface Flags extends RunFlags {
  readonly compare?: readonly string[]
}

/** Scores of models, as lm-evaluation-harness has them. */
export function evalCommand(): Command {
  const command = new Command('eval')
    .description('score a model as lm-evaluation-harness does')
    .argument('[model]', "model folder: a run's model/, one of its checkpoints, what stem convert wrote; or its URL")
    // Verbs have options of the same names.
    .enablePositionalOptions()
  addRunOptions(command)
    .option('--compare <runs...>', 'two folders of --out: the same as stem eval compare')
    .action(async (model: string | undefined, { compare, ...flags }: Flags) => {
      if (!compare) return runEval(model, flags)
      const [first, second, ...more] = [...(model === undefined ? [] : [model]), ...compare]
      if (first === undefined || second === undefined || more.length > 0) {
        throw new StemkitError('bad-input', 'eval: --compare takes two folders of runs')
      }
      return compareFolders(first, second, flags.json ? { json: true } : {})
    })
  for (const verb of [tasksVerb(), compareVerb(), computeVerb(), verifyVerb()]) command.addCommand(verb)
  return command
}
