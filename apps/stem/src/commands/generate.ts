import { collect, type Generation } from '@stemkit/generate'
import { loadModel } from '@stemkit/generate/node'
import { Command } from 'commander'
import { openPlugins, pluginOption } from '../plugins/open-plugins.ts'
import { signalOfProcess } from '../terminal/exit.ts'
import { statusLine } from '../terminal/progress.ts'
import { byteCount } from './byte-option.ts'
import { number } from './number-option.ts'

interface Options {
  readonly prompt?: string
  readonly maxTokens: number
  readonly temperature?: number
  readonly topK?: number
  readonly topP?: number
  readonly minP?: number
  readonly repetitionPenalty?: number
  readonly seed?: number
  readonly stop?: readonly string[]
  readonly store?: string
  readonly budget?: number
  readonly plugin?: readonly string[]
  readonly json?: boolean
}

export function generateCommand(): Command {
  return new Command('generate')
    .description('continue a text with a model')
    .argument('<model>', "model folder: a run's model/, one of its checkpoints, or what stem convert wrote")
    .option('--prompt <text>', 'what to continue; without it the model starts a text of its own')
    .option('--max-tokens <n>', 'at most so many new tokens', number, 256)
    .option('--temperature <t>', '0 takes the likeliest token each time (default: 0.8)', number)
    .option('--top-k <k>', 'choose among the k likeliest tokens (default: 0, no limit)', number)
    .option(
      '--top-p <p>',
      'choose among the likeliest tokens that have this probability together (default: 0.95)',
      number,
    )
    .option('--min-p <p>', 'choose among tokens at least this share as likely as the likeliest (default: 0)', number)
    .option('--repetition-penalty <x>', 'above 1: tokens that have occurred become less likely (default: 1)', number)
    .option('--seed <n>', 'makes the choices repeatable (default: a new one each time)', number)
    .option('--stop <text>', 'end before this text; may be given again', (text, stops: string[] = []) => [
      ...stops,
      text,
    ])
    .option('--store <url>', "where the rows of the tables are (default: as the model folder's rows.json says)")
    .option('--budget <bytes>', 'memory for rows of a store, as in 512MB (default: 256MB)', byteCount)
    .addOption(pluginOption())
    .option('--json', 'print one JSON object at the end: prompt, text, tokens, finishReason, usage, seed')
    .action(async (folder: string, options: Options) => {
      const { prompt = '', json, plugin, store, budget, seed = newSeed(), ...rest } = options
      const signal = signalOfProcess()
      const { feedForwards: custom, drivers } = await openPlugins(plugin, { signal })
      const status = statusLine()
      const model = await loadModel(folder, {
        signal,
        custom,
        store,
        budget,
        openRows: drivers.open,
        onProgress: ({ bytes, totalBytes }) => status.show(`loading ${Math.round((100 * bytes) / totalBytes)}%`),
      }).finally(status.clear)
      try {
        const generation = model.generate(prompt, { ...rest, seed, signal })
        if (json) {
          const { text, tokens, finishReason, usage } = await collect(generation)
          process.stdout.write(`${JSON.stringify({ prompt, text, tokens, finishReason, usage, seed })}\n`)
        } else await stream(generation)
      } finally {
        await model.dispose()
      }
    })
}

/** Text as it comes, and a line break however it ends. */
async function stream(generation: Generation): Promise<void> {
  try {
    for await (const { text } of generation) process.stdout.write(text)
  } finally {
    process.stdout.write('\n')
  }
}

/** Known, so that it can be reported and given again. */
const newSeed = (): number => Math.floor(Math.random() * 2 ** 32)
