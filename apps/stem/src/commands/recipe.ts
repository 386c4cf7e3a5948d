import { join } from 'node:path'
import { StemkitError } from '@stemkit/spec/errors'
import { Command } from 'commander'
import { signalOfProcess } from '../terminal/exit.ts'
import { sotuRecipe } from '../recipes/sotu.ts'
import { wholeNumber } from './number-option.ts'

const recipes = { sotu: sotuRecipe } as const

interface RecipeFlags {
  readonly run?: string
  readonly steps?: number
  readonly seed: number
  readonly seeds: number
  readonly resume?: boolean
  readonly json?: boolean
}

export function recipeCommand(): Command {
  return new Command('recipe')
    .description('run a complete experiment: text, models, comparison and report')
    .argument('<name>', 'sotu: a STEM model and its dense twin on the State of the Union addresses')
    .option('--run <folder>', 'where everything goes (default: runs/<name>)')
    .option('--steps <n>', 'steps of each model (default: 600)', wholeNumber(1))
    .option('--seed <n>', 'seed of weights and data order', wholeNumber(0), 0)
    .option('--seeds <n>', 'repeat with so many seeds, to see the spread', wholeNumber(1), 1)
    .option('--resume', 'go on with a run that was stopped')
    .option('--json', 'print the results as one JSON object')
    .action(async (name: string, flags: RecipeFlags) => {
      if (!Object.hasOwn(recipes, name)) {
        throw new StemkitError('bad-input', `there is no recipe ${name}; there is ${Object.keys(recipes).join(', ')}`)
      }
      await recipes[name as keyof typeof recipes]({
        runFolder: flags.run ?? join('runs', name),
        steps: flags.steps,
        seed: flags.seed,
        seeds: flags.seeds,
        resume: flags.resume ?? false,
        json: flags.json ?? false,
        signal: signalOfProcess(),
      })
    })
}
