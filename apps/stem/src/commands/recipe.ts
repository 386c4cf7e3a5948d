import { join } from 'node:path'
import { StemkitError } from '@stemkit/spec/errors'
import { Command, Option } from 'commander'
import { PLACEMENTS, type PlacementName } from '../recipes/facts/models.ts'
import { factsRecipe } from '../recipes/facts/recipe.ts'
import { sotuRecipe } from '../recipes/sotu.ts'
import { signalOfProcess } from '../terminal/exit.ts'
import { wholeNumber } from './number-option.ts'

interface RecipeFlags {
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

interface Recipe {
  /** Options that only some recipes have. */
  readonly own: readonly (keyof RecipeFlags)[]
  run(flags: RecipeFlags, common: ReturnType<typeof commonOf>): Promise<void>
}

const PLACEMENT_NAMES = Object.keys(PLACEMENTS) as PlacementName[]

const recipes: Readonly<Record<string, Recipe>> = {
  sotu: {
    own: ['seeds'],
    run: ({ seeds = 1 }, common) => sotuRecipe({ ...common, seeds }),
  },
  facts: {
    own: ['pairs', 'placement', 'study'],
    run({ pairs = 600, placement, study }, common) {
      if (placement && study) {
        throw new StemkitError('bad-input', 'recipe facts: --study trains all placements; leave out --placement')
      }
      return factsRecipe({ ...common, pairs, placements: study ? PLACEMENT_NAMES : (placement ?? ['full']) })
    },
  },
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
      ).choices(PLACEMENT_NAMES),
    )
    .option('--study', 'facts: train and edit a model for every placement')
    .option('--resume', 'go on with a run that was stopped')
    .option('--json', 'print the results as one JSON object')
    .action(async (name: string, flags: RecipeFlags) => {
      const recipe = Object.hasOwn(recipes, name) ? recipes[name] : undefined
      if (!recipe) {
        throw new StemkitError('bad-input', `there is no recipe ${name}; there is ${Object.keys(recipes).join(', ')}`)
      }
      checkOwn(name, flags)
      await recipe.run(flags, commonOf(name, flags))
    })
}

const commonOf = (name: string, flags: RecipeFlags) => ({
  runFolder: flags.run ?? join('runs', name),
  steps: flags.steps,
  seed: flags.seed,
  resume: flags.resume ?? false,
  json: flags.json ?? false,
  signal: signalOfProcess(),
})

/** @throws bad-input for an option that is another recipe's */
function checkOwn(name: string, flags: RecipeFlags): void {
  for (const [other, { own }] of Object.entries(recipes)) {
    const stray = other === name ? undefined : own.find((flag) => flags[flag] !== undefined)
    if (stray) throw new StemkitError('bad-input', `recipe ${name}: --${stray} is an option of ${other}`)
  }
}
