import { rowsInPlace, type EditedTable } from '@stemkit/edit'
import type { Engine } from '@stemkit/compile'
import type { Model } from '@stemkit/generate'
import { StemkitError } from '@stemkit/spec/errors'
import type { Tokenizer } from '@stemkit/spec/tokenizer'
import { fitRows, type FitModel, type FitStep, type FittedEdit } from '@stemkit/train'
import { fitOptions, type InjectionFlags } from './injection-options.ts'
import { readingTexts, sampleNeutral, samplePrefixes } from './neutral-texts.ts'
import { tokensOf, tokensWithin, type Sentence } from './statements.ts'

/** What statements are injected into. */
interface InjectorOptions {
  /** To draw texts from. */
  readonly model: Model
  readonly backbone: FitModel
  readonly table: EditedTable['table']
  /** Overlays through which rows are read, the last on top. */
  readonly stack: readonly string[]
  readonly tokenizer: Tokenizer
  readonly engine: Engine
  /** Neutral texts, instead of drawn ones. */
  readonly texts?: readonly ArrayLike<number>[] | undefined
  readonly flags: InjectionFlags
  readonly signal: AbortSignal
}

interface Wanted {
  readonly name: string
  readonly sentences: readonly Sentence[]
  /** Whose rows are fitted: a text in the statements, or ids. */
  readonly subject: string | readonly number[]
  readonly onProgress?: ((step: FitStep) => void) | undefined
}

/** Fits rows to statements, with texts to stay the same on, all of it by the seed. */
export async function injectStatements(
  { model, backbone, table, stack, tokenizer, engine, texts, flags, signal }: InjectorOptions,
  { name, sentences, subject, onProgress }: Wanted,
): Promise<FittedEdit & { readonly tokens: readonly number[] }> {
  const statements = await Promise.all(sentences.map((sentence) => tokensOf(sentence, tokenizer)))
  const spans =
    typeof subject === 'string' ? sentences.map((each) => tokensWithin(subject, each, tokenizer)) : [[...subject]]
  const said = spans.find((span) => span.length > 0)
  if (!said) {
    throw new StemkitError('bad-input', `inject: ${JSON.stringify(subject)} is in none of the statements`)
  }
  const tokens = [...new Set(spans.flat())].toSorted((a, b) => a - b)
  const { neutral: count, prefixes, seed } = flags
  const { maxLength } = model
  const others = texts
    ? readingTexts(texts, tokens, { count, maxLength })
    : await sampleNeutral(model, said, { count, seed, signal })
  const fitted = await fitRows({
    ...fitOptions(flags),
    ...others,
    model: backbone,
    rows: await rowsInPlace({ table }, { stack, signal }),
    engine,
    name,
    statements,
    prefixes: await samplePrefixes(model, { count: prefixes, seed, signal }),
    tokens,
    signal,
    onProgress,
  })
  return { ...fitted, tokens }
}
