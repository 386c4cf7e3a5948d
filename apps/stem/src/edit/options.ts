import { Command, Option } from 'commander'
import { pluginOption } from '../plugins/plugin-option.ts'

/** What every verb may be told. */
export interface Common {
  readonly store?: string
  readonly user?: string
  readonly plugin?: readonly string[]
  readonly json?: boolean
}

/** A verb over the tables of a model, with what all of them may be told; `jsonHelp` names the keys of its object. */
export function editVerb(name: string, description: string, jsonHelp: string): Command {
  return new Command(name)
    .description(description)
    .argument('<model>', 'model folder, which has the tokenizer and says where the rows are')
    .option('--store <url>', "where the rows of the tables are (default: as the model folder's rows.json says)")
    .option('--user <name>', "one user's edits, which lie over everybody's (default: everybody's)")
    .addOption(pluginOption())
    .addOption(new Option('--json', `print one JSON object: ${jsonHelp}`))
}

export const several = (text: string, before: readonly string[] = []): string[] => [...before, text]
