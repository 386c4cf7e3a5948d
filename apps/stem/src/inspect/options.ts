import { Command } from 'commander'
import { byteCount } from '../commands/byte-option.ts'
import { wholeNumber } from '../commands/number-option.ts'
import { pluginOption } from '../plugins/plugin-option.ts'

/** What every verb may be told. */
export interface Common {
  readonly store?: string
  readonly budget?: number
  readonly threads?: number
  readonly plugin?: readonly string[]
  readonly json?: boolean
  readonly html?: string
}

/** A verb over a model folder, with what all of them may be told; `jsonHelp` names the keys of its object. */
export function modelVerb(name: string, description: string, jsonHelp: string): Command {
  return new Command(name)
    .description(description)
    .argument('<model>', "model folder: a run's model/, one of its checkpoints, or what stem convert wrote")
    .option('--store <url>', "where the rows of the tables are (default: as the model folder's rows.json says)")
    .option('--budget <bytes>', 'memory for rows, as in 512MB (default: 256MB)', byteCount)
    .option('--threads <n>', 'threads that compute (default: one for each core)', wholeNumber(1))
    .addOption(pluginOption())
    .option('--html <file>', 'write a report with plots')
    .option('--json', `print one JSON object: ${jsonHelp}`)
}

export const several = (text: string, before: readonly string[] = []): string[] => [...before, text]
