import type { KvCacheType } from '@stemkit/generate'
import { Command } from 'commander'
import { pluginOption } from '../plugins/plugin-option.ts'
import { byteCount } from './byte-option.ts'
import { kvCacheOption } from './kv-cache-option.ts'
import { logitBias } from './logit-bias-option.ts'
import { number } from './number-option.ts'

export interface GenerateFlags {
  readonly prompt?: string
  readonly chat?: string
  readonly system?: string
  readonly maxTokens: number
  readonly temperature?: number
  readonly topK?: number
  readonly topP?: number
  readonly minP?: number
  readonly repetitionPenalty?: number
  readonly logitBias?: Readonly<Record<number, number>>
  readonly topLogprobs?: number
  readonly seed?: number
  readonly stop?: readonly string[]
  readonly store?: string
  readonly budget?: number
  readonly overlay?: readonly string[]
  readonly context?: number
  readonly threads?: number
  readonly kvCache?: KvCacheType
  readonly deterministic?: boolean
  readonly speculate: boolean
  readonly plugin?: readonly string[]
  readonly json?: boolean
}

const several = (text: string, before: readonly string[] = []): string[] => [...before, text]

export function generateCommand(): Command {
  return new Command('generate')
    .description('continue a text with a model')
    .argument('<model>', "model folder: a run's model/, one of its checkpoints, or what stem convert wrote")
    .option('--prompt <text>', 'what to continue; without it the model starts a text of its own')
    .option('--chat <text>', "a message to answer, put as the model's own chat template says")
    .option('--system <text>', 'instructions before the message of --chat')
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
    .option(
      '--logit-bias <id=number>',
      'adds to the logit of a token, -inf rules it out; may be given again',
      logitBias,
    )
    .option('--seed <n>', 'makes the choices repeatable (default: a new one each time)', number)
    .option('--stop <text>', 'end before this text; may be given again', several)
    .option('--store <url>', "where the rows of the tables are (default: as the model folder's rows.json says)")
    .option('--budget <bytes>', 'memory for rows of a store, as in 512MB (default: 256MB)', byteCount)
    .option('--overlay <name>', 'an overlay over the tables of a store; may be given again, the last on top', several)
    .option('--context <n>', "tokens that prompt and text may have together (default: the model's length)", number)
    .addOption(kvCacheOption())
    .option('--threads <n>', 'threads that compute (default: one for each core)', number)
    .option('--deterministic', 'the same bits each time on one machine, at some cost')
    .option('--no-speculate', 'do not guess from the text what comes next; the text is the same')
    .option('--top-logprobs <n>', 'with --json: name the n likeliest tokens at each place, up to 20', number)
    .addOption(pluginOption())
    .option(
      '--json',
      'print one JSON object at the end: prompt, text, tokens, logprobs, finishReason, usage, tables, seed',
    )
    .action(async (folder: string, options: GenerateFlags) => {
      const { runGenerate } = await import('../generate/run-generate.ts')
      await runGenerate(folder, options)
    })
}
