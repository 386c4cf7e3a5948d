import { Command } from 'commander'
import { verifyVerb } from '../eval/verify.ts'

/** Scores of models, as lm-evaluation-harness has them. */
export function evalCommand(): Command {
  return new Command('eval').description('score models as lm-evaluation-harness does').addCommand(verifyVerb())
}
