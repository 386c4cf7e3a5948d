import { attribute, likeliestToken, type Attribution } from '@stemkit/inspect'
import type { Tokenizer } from '@stemkit/spec/tokenizer'
import { StemkitError } from '@stemkit/spec/errors'
import { Option, type Command } from 'commander'
import { attributionReport, attributionTables } from './attribution-report.ts'
import { modelVerb, type Common } from './options.ts'
import { show, tokenText } from './show.ts'
import { withModel, type Context } from './with-model.ts'

interface Flags extends Common {
  readonly prompt: string
  readonly target?: string
  readonly replace: 'mean' | 'zero'
  readonly by: 'row' | 'occurrence'
}

/** What the command prints. */
export interface AttributionFindings extends Attribution {
  readonly model: string
  readonly prompt: string
  readonly target: string
  /** Whether the target was the model's own first choice, since none was given. */
  readonly chosen: boolean
  readonly replace: Flags['replace']
  readonly by: Flags['by']
  readonly effects: readonly (Attribution['effects'][number] & { readonly text: string })[]
}

export function attributionVerb(): Command {
  return modelVerb(
    'attribution',
    'which rows a prediction leaned on: each is replaced, one at a time, and beside it what the gradient says',
    '{ prompt, target, logProbability, effects }',
  )
    .requiredOption('--prompt <text>', 'what the model reads')
    .option(
      '--target <text>',
      "the continuation to explain, its leading space included (default: the model's likeliest token)",
    )
    .addOption(
      new Option('--replace <with>', "what takes a row's place: the mean row of its table, or zeros")
        .choices(['mean', 'zero'])
        .default('mean'),
    )
    .addOption(
      new Option('--by <unit>', 'replace a row wherever the text reads it, or at one place only')
        .choices(['row', 'occurrence'])
        .default('row'),
    )
    .action(async (folder: string, options: Flags) => {
      await withModel(folder, options, async (context) => {
        const findings = await findAttribution(folder, options, context)
        const tables = attributionTables(findings)
        await show({ data: findings, tables, report: () => attributionReport(findings) }, options)
      })
    })
}

async function findAttribution(folder: string, options: Flags, context: Context): Promise<AttributionFindings> {
  const { model, signal, openEngine, progress } = context
  const { prompt: text, replace, by } = options
  const tokenizer = await model.tokenizer()
  const prompt = Array.from(tokenizer.encode(text))
  if (prompt.length === 0) throw new StemkitError('bad-input', 'inspect attribution: the prompt has no tokens')
  const readable = await model.readWeights()
  const tables = model.tables()
  const engine = await openEngine()
  const target =
    options.target === undefined
      ? [await likeliestToken(readable, tables, { engine, prompt, signal })]
      : Array.from(tokenizer.encode(options.target))
  const found = await attribute(readable, tables, {
    engine,
    prompt,
    target,
    replacement: replace,
    by,
    signal,
    onProgress: progress('replacing rows'),
  })
  return {
    model: folder,
    prompt: text,
    target: textOf(tokenizer, target),
    chosen: options.target === undefined,
    replace,
    by,
    logProbability: found.logProbability,
    effects: found.effects.map((effect) => ({ ...effect, text: tokenText(tokenizer, effect.token) })),
  }
}

const textOf = (tokenizer: Tokenizer, ids: readonly number[]): string => tokenizer.decode(ids, { skipSpecial: false })
