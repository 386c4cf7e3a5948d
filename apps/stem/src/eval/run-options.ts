import type { KvCacheType } from '@stemkit/generate'
import { InvalidArgumentError, Option, type Command } from 'commander'
import { byteCount } from '../commands/byte-option.ts'
import { kvCacheOption } from '../commands/kv-cache-option.ts'
import { number, wholeNumber } from '../commands/number-option.ts'
import { pluginOption } from '../plugins/plugin-option.ts'
import { KEY_VARIABLE } from './server-key.ts'

/** What a run may be told; names are those of lm-evaluation-harness where it has them. */
export interface RunFlags {
  readonly tasks?: readonly string[]
  readonly numFewshot?: number
  readonly limit?: number
  readonly samples?: string
  readonly logSamples?: boolean
  readonly seed?: number
  readonly bootstrapIters?: number
  readonly applyChatTemplate?: boolean
  readonly chatTemplate?: string
  readonly fewshotAsMultiturn?: boolean
  readonly systemInstruction?: string
  readonly genKwargs?: Readonly<Record<string, unknown>>
  readonly lengths?: readonly number[]
  readonly haystack?: string
  readonly truncate?: 'left' | 'middle' | 'right'
  readonly shrinkAnswers?: boolean
  readonly data?: string
  readonly includePath?: readonly string[]
  readonly out?: string
  readonly cache?: string | boolean
  readonly batchSize?: number
  readonly server?: string
  readonly serverModel?: string
  readonly tokenizer?: string
  readonly retries?: number
  readonly store?: string
  readonly budget?: number
  readonly overlay?: readonly string[]
  readonly context?: number
  readonly kvCache?: KvCacheType
  readonly threads?: number
  readonly plugin?: readonly string[]
  readonly json?: boolean
}

export const several = (text: string, before: readonly string[] = []): string[] => [...before, text]

const names = (text: string, before: readonly string[] = []): string[] => [
  ...before,
  ...text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== ''),
]

const lengths = (text: string): number[] => names(text).map(wholeNumber(1))

/** `a=1,b=text` or a JSON object. */
function keywords(text: string): Record<string, unknown> {
  if (text.trimStart().startsWith('{')) {
    try {
      return JSON.parse(text) as Record<string, unknown>
    } catch (error) {
      throw new InvalidArgumentError(`It is no JSON: ${(error as Error).message}.`)
    }
  }
  return Object.fromEntries(
    names(text).map((pair) => {
      const at = pair.indexOf('=')
      if (at < 1) throw new InvalidArgumentError(`'${pair}' is not of the form name=value.`)
      return [pair.slice(0, at).trim(), valueOf(pair.slice(at + 1).trim())]
    }),
  )
}

function valueOf(text: string): unknown {
  if (/^(?:true|false)$/i.test(text)) return text.toLowerCase() === 'true'
  return text !== '' && Number.isFinite(Number(text)) ? Number(text) : text
}

export function addRunOptions(command: Command): Command {
  return command
    .option('--tasks <names>', 'tasks, groups and tags, with commas between; stem eval tasks lists them', names)
    .option('--limit <n>', 'at most so many documents of a task; below 1, that share of them', number)
    .option('--samples <json>', 'which documents, as in {"arc_easy": [0, 7]}; or a file of that', String)
    .option('--num-fewshot <n>', 'solved examples before each question (default: as the task says)', wholeNumber(0))
    .option(
      '--seed <n>',
      'of the draws of examples (default: 1234), and of answers that are sampled (default: 0)',
      wholeNumber(0),
    )
    .option('--system-instruction <text>', 'text before every prompt')
    .option('--apply-chat-template', "put prompts as chats, by the model's own template")
    .option('--chat-template <file>', 'another template, in Jinja')
    .option('--fewshot-as-multiturn', 'examples are turns of the chat; the default with a template')
    .option('--no-fewshot-as-multiturn', 'all examples are in one message')
    .option('--gen-kwargs <args>', 'over the generation arguments of tasks: a=1,b=2 or JSON', keywords)
    .option('--lengths <tokens>', 'of the needle tasks, as in 512,1024,2048', lengths)
    .option('--haystack <file>', 'text in which needles are put (default: the essays of baber/paul_graham_essays)')
    .addOption(
      new Option(
        '--truncate <side>',
        'where prompts are cut that leave no room for the answer (default: left)',
      ).choices(['left', 'middle', 'right']),
    )
    .option('--shrink-answers', 'before a prompt is cut, let its answer have fewer tokens')
    .option(
      '--bootstrap-iters <n>',
      'rounds for errors that have no formula; 0 leaves them out (default: 100000)',
      wholeNumber(0),
    )
    .option('--data <folder>', 'data sets in files, instead of the Hugging Face hub')
    .option('--include-path <folder>', 'tasks of your own, in YAML; may be repeated', several)
    .option('--out <folder>', 'where results, samples and report go (default: evals/MODEL)')
    .option('--log-samples', 'write every sample; the default')
    .option('--no-log-samples', 'write no samples: the run cannot be compared')
    .option('--cache <folder>', 'where answers are kept as they arrive (default: answers/ in the folder of --out)')
    .option('--no-cache', 'keep no answers: a run that is interrupted begins anew')
    .option(
      '--batch-size <n>',
      'texts that are worked at together, or prompts in one request; changes no score (default: 4, or 16)',
      wholeNumber(1),
    )
    .option('--server <url>', `a server with /v1/completions, instead of a model folder; its key is in ${KEY_VARIABLE}`)
    .option('--server-model <name>', 'as the server calls it')
    .option('--tokenizer <folder>', "with the tokenizer of the server's model: prompts are sent as tokens")
    .option('--retries <n>', 'how often a server is asked again that is busy or gone (default: 6)', wholeNumber(0))
    .option('--store <url>', "where the rows of the tables are (default: as the model folder's rows.json says)")
    .option('--budget <bytes>', 'memory for rows of a store, as in 512MB (default: 256MB)', byteCount)
    .option('--overlay <name>', 'an overlay over the tables of a store; may be given again, the last on top', several)
    .option('--context <n>', "tokens that prompt and answer may have together (default: the model's length)", number)
    .addOption(kvCacheOption())
    .option('--threads <n>', 'threads that compute (default: one for each core)', wholeNumber(1))
    .addOption(pluginOption())
    .option('--json', 'print the contents of results.json')
}
