import { Command, Option } from 'commander'
import type { PlacementName } from '../recipes/facts/models.ts'
import { wholeNumber } from './number-option.ts'

export interface RecipeFlags {
  readonly run?: string
  readonly steps?: number
  readonly seed: number
  readonly seeds?: number
  readonly pairs?: number
  readonly placement?: readonly PlacementName[]
  readonly study?: boolean
  readonly resume?: boolean
  readonly json?: boolean
}

/** All that there are. */
const PLACEMENTS: Readonly<Record<PlacementName, true>> = {
  full: true,
  all: true,
  'first-half': true,
  'second-half': true,
  'layer-0': true,
  'layer-1': true,
  'layer-2': true,
  'layer-3': true,
}

export function recipeCommand(): Command {
  return new Command('recipe')
    .description('run a complete experiment: text, models, comparison and report')
    .argument(
      '<name>',
      'sotu: a STEM model and its dense twin on the State of the Union addresses; facts: the same on facts about countries, which are then edited',
    )
    .option('--run <folder>', 'where everything goes (default: runs/<name>)')
    .option('--steps <n>', 'steps of each model (default: as the recipe has it)', wholeNumber(1))
    .option('--seed <n>', 'seed of weights and data order', wholeNumber(0), 0)
    .option('--seeds <n>', 'sotu: repeat with so many seeds, to see the spread (default: 1)', wholeNumber(1))
    .option('--pairs <n>', 'facts: pairs of countries to edit (default: 600)', wholeNumber(1))
    .addOption(
      new Option(
        '--placement <name...>',
        'facts: which of the 4 layers are STEM, a model for each name (default: full, all but the first)',
      ).choices(Object.keys(PLACEMENTS)),
    )
    .option('--study', 'facts: train and edit a model for every placement')
    .option('--resume', 'go on with a run that was stopped')
    .option('--json', 'print the results as one JSON object')
    .action(async (name: string, flags: RecipeFlags) => {
      const { runRecipe } = await import('../recipes/run-recipe.ts')
      await runRecipe(name, flags)
    })
}
