import type { LanguageModel } from '@stemkit/spec/language-model'
import type { EditCase } from './cases/edit-case.ts'
import { ngramEntropy } from './metrics/entropy.ts'
import { all, type AskedModel } from './questions.ts'

/** How texts are made whose fluency is measured. */
export interface WritingOptions {
  /** Tokens of each. ROME's texts have 100 with the prompt. Default 100. */
  readonly maxTokens?: number | undefined
  /** Draws from so many of the likeliest tokens, as ROME does. Default 5; 1 always takes the likeliest. */
  readonly topK?: number | undefined
  readonly seed?: number | undefined
}

/** Texts of a case as tokens to continue; by its own prompt where the file has none for this. */
export async function prepareWriting(
  { encode }: Pick<LanguageModel, 'encode'>,
  { generation, prompt }: EditCase,
): Promise<{ readonly text: string; readonly ids: readonly number[] }[]> {
  const prompts = generation.length > 0 ? generation : [prompt]
  return Promise.all(prompts.map(async (text) => ({ text, ids: await encode(text.trimEnd()) })))
}

/** How a model writes: the mean entropy of its texts, prompts included as in ROME, and how alike they are to references. */
export async function measureWriting(
  model: AskedModel,
  prompts: Awaited<ReturnType<typeof prepareWriting>>,
  {
    references,
    similarity,
    maxTokens = 100,
    topK = 5,
    seed = 0,
    ...cancel
  }: WritingOptions & {
    readonly references: readonly string[]
    readonly similarity: (a: string, b: string) => number
    readonly signal?: AbortSignal
  },
): Promise<{ readonly fluency: number; readonly consistency: number | undefined }> {
  const requests = prompts.map(({ ids }, i) => ({
    prompt: ids,
    maxTokens,
    ...(topK > 1 && { sampling: { topK, seed: seed + i } }),
  }))
  const written = await all(model.generate(requests, cancel))
  const texts = written.map(({ text }, i) => `${prompts[i]!.text}${text}`)
  return {
    fluency: texts.reduce((sum, text) => sum + ngramEntropy(text), 0) / texts.length,
    consistency: references.length === 0 ? undefined : similarity(texts.join(' '), references.join(' ')),
  }
}
