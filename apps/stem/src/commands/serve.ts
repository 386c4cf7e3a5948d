import type { KvCacheType } from '@stemkit/generate'
import { Command } from 'commander'
import { pluginOption } from '../plugins/plugin-option.ts'
import { byteCount } from './byte-option.ts'
import { kvCacheOption } from './kv-cache-option.ts'
import { number, wholeNumber } from './number-option.ts'

export interface ServeFlags {
  readonly name?: string
  readonly host: string
  readonly port: number
  readonly store?: string
  readonly budget?: number
  readonly slots?: number
  readonly context?: number
  readonly threads?: number
  readonly deterministic?: boolean
  readonly chatTemplate?: string
  readonly apiKeyFile?: string
  readonly adminKeyFile?: string
  readonly cors?: readonly string[]
  readonly maxTexts: number
  readonly maxBody: number
  readonly kvCache?: KvCacheType
  readonly timeout: number
  readonly drain: number
  readonly plugin?: readonly string[]
  readonly json?: boolean
}

/** Not an option: command lines are read by whoever lists processes. */
export const KEYS_VARIABLE = 'STEM_API_KEYS'
export const ADMIN_KEYS_VARIABLE = 'STEM_ADMIN_KEYS'

export function serveCommand(): Command {
  return new Command('serve')
    .description("serve a model by OpenAI's API until SIGTERM or Ctrl-C")
    .argument('<model>', "model folder: a run's model/, one of its checkpoints, or what stem convert wrote")
    .option('--name <name>', "the model's name in requests (default: the name of its folder)")
    .option('--host <address>', 'where to listen; 0.0.0.0 is every network', '127.0.0.1')
    .option('--port <n>', 'on which port; 0 takes a free one', wholeNumber(0), 8080)
    .option('--store <url>', "where the rows of the tables are (default: as the model folder's rows.json says)")
    .option('--budget <bytes>', 'memory for rows of a store, as in 512MB (default: 256MB)', byteCount)
    .option('--slots <n>', 'texts that are made at once (default: 4)', wholeNumber(1))
    .option('--context <n>', 'tokens of prompt and answer together (default: what the model has)', wholeNumber(1))
    .addOption(kvCacheOption())
    .option('--threads <n>', 'threads that compute (default: one for each core)', wholeNumber(1))
    .option('--deterministic', 'answers do not depend on what else is asked, to the last bit, at some cost')
    .option('--chat-template <file>', "a chat template in Jinja (default: the model folder's)")
    .option(
      '--api-key-file <file>',
      `API keys, one a line, behind each the overlays that it may name; ${KEYS_VARIABLE} may hold some, with commas between`,
    )
    .option(
      '--admin-key-file <file>',
      `keys of those who may edit, one a line; ${ADMIN_KEYS_VARIABLE} may hold some, with commas between (default: nobody)`,
    )
    .option('--cors <origin...>', 'pages that may call the server, as in https://app.example; * is all (default: none)')
    .option('--max-texts <n>', 'texts in work and waiting; more are answered with 429', wholeNumber(1), 512)
    .option('--max-body <bytes>', 'size of a request, as in 2MB', byteCount, 2 * 2 ** 20)
    .option('--timeout <seconds>', 'time for a request', number, 600)
    .option('--drain <seconds>', 'time for running requests after SIGTERM', number, 30)
    .addOption(pluginOption())
    .option('--json', 'print JSON lines: one when requests are taken, and one for each request')
    .action(async (folder: string, options: ServeFlags) => {
      const { runServe } = await import('../serve/run-serve.ts')
      await runServe(folder, options)
    })
}
