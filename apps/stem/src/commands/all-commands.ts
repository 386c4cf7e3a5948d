import type { Command } from 'commander'

/** A command as `stem --help` lists it. The rest of it is loaded when it is asked for. */
export interface ListedCommand {
  /** Its name, and what it takes. */
  readonly term: string
  readonly description: string
  load(): Promise<Command>
}

export const COMMANDS: readonly ListedCommand[] = [
  {
    term: 'train [options] <config>',
    description: 'train a model as a YAML or JSON file says',
    load: async () => (await import('./train.ts')).trainCommand(),
  },
  {
    term: 'generate [options] <model>',
    description: 'continue a text with a model',
    load: async () => (await import('./generate.ts')).generateCommand(),
  },
  {
    term: 'serve [options] <model>',
    description: "serve a model by OpenAI's API until SIGTERM or Ctrl-C",
    load: async () => (await import('./serve.ts')).serveCommand(),
  },
  {
    term: 'eval [options] [model]',
    description: 'score a model as lm-evaluation-harness does',
    load: async () => (await import('./eval.ts')).evalCommand(),
  },
  {
    term: 'verify [options] <dir>',
    description: 'compare every number of the reference cases in a folder with what this machine computes',
    load: async () => (await import('./verify.ts')).verifyCommand(),
  },
  {
    term: 'convert [options] <source> <out>',
    description: 'turn a model of another layout into a model folder, or a model folder into another layout',
    load: async () => (await import('./convert.ts')).convertCommand(),
  },
  {
    term: 'export [options] <model> <file>',
    description: 'write the forward pass of a model as an .onnx file that any ONNX Runtime runs',
    load: async () => (await import('./export.ts')).exportCommand(),
  },
  {
    term: 'plan [options] <config>',
    description:
      'say what a model needs before anything is allocated: parameters, bytes, FLOPs, rows per step, hit rates',
    load: async () => (await import('./plan.ts')).planCommand(),
  },
  {
    term: 'inspect',
    description:
      'look into a model: how its rows spread and lie together, what a prediction leaned on, what a text activates',
    load: async () => (await import('./inspect.ts')).inspectCommand(),
  },
  {
    term: 'store',
    description: 'make, look at, copy, check and measure tables of rows in files and databases',
    load: async () => (await import('./store.ts')).storeCommand(),
  },
  {
    term: 'edit',
    description: 'change what a model knows by the rows of its tables, and take it back',
    load: async () => (await import('./edit.ts')).editCommand(),
  },
  {
    term: 'recipe [options] <name>',
    description: 'run a complete experiment: text, models, comparison and report',
    load: async () => (await import('./recipe.ts')).recipeCommand(),
  },
]

export const nameOf = ({ term }: ListedCommand): string => term.split(' ')[0]!
