import { join } from 'node:path'
import { StemkitError } from '@stemkit/spec/errors'
import { PLACEMENTS, type PlacementName } from './facts/models.ts'
import { factsRecipe } from './facts/recipe.ts'
import { sotuRecipe } from './sotu.ts'
import { signalOfProcess } from '../terminal/exit.ts'
import type { RecipeFlags } from '../commands/recipe.ts'

/** Runs an experiment by its name. @throws bad-input where there is none of that name */
export async function runRecipe(name: string, flags: RecipeFlags): Promise<void> {
  const recipe = Object.hasOwn(recipes, name) ? recipes[name] : undefined
  if (!recipe) {
    throw new StemkitError('bad-input', `there is no recipe ${name}; there is ${Object.keys(recipes).join(', ')}`)
  }
  checkOwn(name, flags)
  await recipe.run(flags, commonOf(name, flags))
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
