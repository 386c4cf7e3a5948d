#!/usr/bin/env node
import { createRequire } from 'node:module'
import { Command } from 'commander'
import { convertCommand } from './commands/convert.ts'
import { editCommand } from './commands/edit.ts'
import { evalCommand } from './commands/eval.ts'
import { exportCommand } from './commands/export.ts'
import { generateCommand } from './commands/generate.ts'
import { inspectCommand } from './commands/inspect.ts'
import { planCommand } from './commands/plan.ts'
import { recipeCommand } from './commands/recipe.ts'
import { serveCommand } from './commands/serve.ts'
import { storeCommand } from './commands/store.ts'
import { trainCommand } from './commands/train.ts'
import { verifyCommand } from './commands/verify.ts'
import { report } from './terminal/exit.ts'

const { version } = createRequire(import.meta.url)('../package.json') as { version: string }

const program = new Command('stem')
  .description('Train, run, verify and convert STEM language models.')
  .version(version)
  .exitOverride()
  // Commands inherit it: a verb's options are its own, also where its command has some of the same names.
  .enablePositionalOptions()
  // A suggestion of the nearest name comes on a line of its own.
  .configureOutput({ outputError: (text, write) => write(`${text.trim().replaceAll(/\s*\n\s*/g, ' ')}\n`) })
  .addHelpText(
    'after',
    `
Examples:
  stem recipe sotu                              train a STEM model and its dense twin on real text
  stem train run.yaml --run runs/mine           train your own; stem train --help shows a config
  stem generate runs/mine/model --prompt "The"  let it continue a text
  stem serve runs/mine/model                    serve it by OpenAI's API

Exit codes: 0 done, 1 failed, 2 a command line, config or input that makes no sense, 130 interrupted.`,
  )

for (const command of [
  trainCommand(),
  generateCommand(),
  serveCommand(),
  evalCommand(),
  verifyCommand(),
  convertCommand(),
  exportCommand(),
  planCommand(),
  inspectCommand(),
  storeCommand(),
  editCommand(),
  recipeCommand(),
]) {
  program.addCommand(command.copyInheritedSettings(program))
  for (const verb of command.commands) verb.copyInheritedSettings(program)
}

try {
  await program.parseAsync()
} catch (error) {
  process.exitCode = report(error)
}
