#!/usr/bin/env node
import { createRequire } from 'node:module'
import { Command } from 'commander'
import { convertCommand } from './commands/convert.ts'
import { exportCommand } from './commands/export.ts'
import { generateCommand } from './commands/generate.ts'
import { recipeCommand } from './commands/recipe.ts'
import { trainCommand } from './commands/train.ts'
import { verifyCommand } from './commands/verify.ts'
import { report } from './terminal/exit.ts'

const { version } = createRequire(import.meta.url)('../package.json') as { version: string }

const program = new Command('stem')
  .description('Train, run, verify and convert STEM language models.')
  .version(version)
  .showHelpAfterError('(stem --help lists the commands)')
  .exitOverride()

for (const command of [
  trainCommand(),
  generateCommand(),
  verifyCommand(),
  convertCommand(),
  exportCommand(),
  recipeCommand(),
]) {
  // Subcommands report usage errors through the same door.
  program.addCommand(command.exitOverride())
}

try {
  await program.parseAsync()
} catch (error) {
  process.exitCode = report(error)
}
