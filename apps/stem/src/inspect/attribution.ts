import { attribute, likeliestToken, type Attribution } from '@stemkit/inspect'
import type { Tokenizer } from '@stemkit/spec/tokenizer'
import { StemkitError } from '@stemkit/spec/errors'
import { attributionReport, attributionTables } from './attribution-report.ts'
import { show, tokenText } from './show.ts'
import type { AttributionFlags } from './verbs.ts'
import { withModel, type Context } from './with-model.ts'

/** What the command prints. */
export interface AttributionFindings extends Attribution {
  readonly model: string
  readonly prompt: string
  readonly target: string
  /** Whether the target was the model's own first choice, since none was given. */
  readonly chosen: boolean
  readonly replace: AttributionFlags['replace']
  readonly by: AttributionFlags['by']
  readonly effects: readonly (Attribution['effects'][number] & { readonly text: string })[]
}

export async function showAttribution(folder: string, options: AttributionFlags): Promise<void> {
  await withModel(folder, options, async (context) => {
    const findings = await findAttribution(folder, options, context)
    const tables = attributionTables(findings)
    await show({ data: findings, tables, report: () => attributionReport(findings) }, options)
  })
}

async function findAttribution(
  folder: string,
  options: AttributionFlags,
  context: Context,
): Promise<AttributionFindings> {
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
