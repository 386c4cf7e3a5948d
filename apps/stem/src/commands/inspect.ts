import { Command } from 'commander'
import { attributionVerb, capacityVerb, neighboursVerb, spreadVerb } from '../inspect/verbs.ts'

/** Why a model says what it says. */
export function inspectCommand(): Command {
  const inspect = new Command('inspect').description(
    'look into a model: how its rows spread and lie together, what a prediction leaned on, what a text activates',
  )
  for (const verb of [spreadVerb(), neighboursVerb(), attributionVerb(), capacityVerb()]) inspect.addCommand(verb)
  return inspect
}
