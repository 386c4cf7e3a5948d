import { StemkitError } from '@stemkit/spec/errors'
import { Command } from 'commander'
import { addRunOptions, type RunFlags } from '../eval/run-options.ts'
import { compareVerb, computeVerb, tasksVerb, verifyVerb } from '../eval/verbs.ts'

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
      if (!compare) {
        const { runEval } = await import('../eval/run-eval.ts')
        return runEval(model, flags)
      }
      const [first, second, ...more] = [...(model === undefined ? [] : [model]), ...compare]
      if (first === undefined || second === undefined || more.length > 0) {
        throw new StemkitError('bad-input', 'eval: --compare takes two folders of runs')
      }
      const { compareFolders } = await import('../eval/compare-eval.ts')
      return compareFolders(first, second, flags.json ? { json: true } : {})
    })
  for (const verb of [tasksVerb(), compareVerb(), computeVerb(), verifyVerb()]) command.addCommand(verb)
  return command
}
