#!/usr/bin/env node
import { createRequire } from 'node:module'
import { Command, Help } from 'commander'
import { COMMANDS, nameOf } from './commands/all-commands.ts'
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

// The one that is asked for is loaded; the others are listed, and what they need stays where it is.
const [first, second] = process.argv.slice(2).filter((word) => !word.startsWith('-'))
const asked = first === 'help' ? second : first
const terms = new Map<Command, string>()
for (const listed of COMMANDS) {
  const name = nameOf(listed)
  const command = name === asked ? await listed.load() : new Command(name).description(listed.description)
  program.addCommand(command.copyInheritedSettings(program))
  for (const verb of command.commands) verb.copyInheritedSettings(program)
  terms.set(command, listed.term)
}
// After the others have inherited what they should.
const help = new Help()
program.configureHelp({ subcommandTerm: (command) => terms.get(command) ?? help.subcommandTerm(command) })

try {
  await program.parseAsync()
} catch (error) {
  process.exitCode = report(error)
}
