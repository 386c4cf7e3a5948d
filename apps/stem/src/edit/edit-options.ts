import type { EditInput, Strategy } from '@stemkit/edit'
import { Option, type Command } from 'commander'
import { number, wholeNumber } from '../commands/number-option.ts'
import { strategyOption } from './strategy-option.ts'

/** An edit on the command line. */
export interface EditFlags {
  readonly name?: string
  readonly operation?: EditInput['operation']
  readonly source?: string
  readonly target?: string
  readonly strategy?: readonly Strategy[]
  readonly padId?: number
  readonly layers?: readonly number[]
  readonly spaces?: EditInput['spaces']
  readonly amount?: number
}

/** Adds the edit: a file, or options, which change what the file says. */
export function withEdit(verb: Command): Command {
  return verb
    .argument('[edit]', 'a JSON file with an edit or a list of them')
    .option('--name <name>', 'name of the edit')
    .option('--source <tokens>', 'what is edited: a text, or token ids as in [12,7]')
    .option('--target <tokens>', 'whose rows it gets')
    .addOption(
      new Option('--operation <name>', 'what happens to the rows (default: overwrite)').choices([
        'overwrite',
        'swap',
        'mean',
        'interpolate',
        'reset',
      ]),
    )
    .addOption(strategyOption('how unequal numbers of tokens are bridged, the first that suits'))
    .option('--pad-id <id>', 'a token whose row fills up, for strategies that pad', wholeNumber(0))
    .option('--layers <n...>', 'only these STEM layers, counted from 0 (default: all)', layerOption)
    .addOption(
      new Option('--spaces <which>', 'texts with a space before them, without, or both (default: both)').choices([
        'both',
        'with',
        'without',
      ]),
    )
    .option('--amount <x>', 'for interpolate: 0 keeps the rows, 1 takes the target; for add: how many times', number)
}

export const layerOption = (text: string, before: readonly number[] = []): number[] => [...before, wholeNumber(0)(text)]
