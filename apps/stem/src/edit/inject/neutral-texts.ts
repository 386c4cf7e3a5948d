import { collect, type Model } from '@stemkit/generate'

/** Texts that should stay as they are, and others of the same kind to measure on. */
interface NeutralTexts {
  readonly neutral: readonly (readonly number[])[]
  readonly heldOut: readonly (readonly number[])[]
}

/** Tokens of a text, and of what a statement is put behind. */
const LENGTH = 24
const PREFIX = 8

/**
 * What the untouched model itself says of a subject: texts in which the rows are read, since all others stay the same whatever
 * the rows become.
 */
export async function sampleNeutral(
  model: Pick<Model, 'generate' | 'maxLength'>,
  subject: readonly number[],
  { count, seed, signal }: { readonly count: number; readonly seed: number; readonly signal: AbortSignal },
): Promise<NeutralTexts> {
  const maxTokens = Math.min(LENGTH, model.maxLength - subject.length)
  const draw = async (i: number): Promise<readonly number[]> => {
    const options = { maxTokens, temperature: 1, topP: 1, seed: seed + i, signal }
    const { tokens } = await collect(model.generate([...subject], options))
    return [...subject, ...tokens].slice(0, model.maxLength)
  }
  const texts: (readonly number[])[] = []
  for (let i = 0; i < 2 * count; i++) texts.push(await draw(i))
  return { neutral: texts.slice(0, count), heldOut: texts.slice(count) }
}

/** Of given texts the parts in which any of these tokens is read, taken in turn for either purpose. */
export function readingTexts(
  texts: readonly ArrayLike<number>[],
  tokens: readonly number[],
  { count, maxLength }: { readonly count: number; readonly maxLength: number },
): NeutralTexts {
  const fitted = new Set(tokens)
  const length = Math.min(2 * LENGTH, maxLength)
  const parts: number[][] = []
  for (const text of texts) {
    const ids = Array.from(text)
    for (let from = 0; from < ids.length && parts.length < 2 * count; from += length) {
      const part = ids.slice(from, from + length)
      if (part.some((id) => fitted.has(id))) parts.push(part)
    }
  }
  return { neutral: parts.filter((_, i) => i % 2 === 0), heldOut: parts.filter((_, i) => i % 2 === 1) }
}

/** Beginnings drawn from the model, each a few tokens long, from the token that texts start with. */
export async function samplePrefixes(
  model: Pick<Model, 'generate'>,
  { count, seed, signal }: { readonly count: number; readonly seed: number; readonly signal: AbortSignal },
): Promise<readonly (readonly number[])[]> {
  const prefixes: (readonly number[])[] = []
  for (let i = 0; i < count; i++) {
    const { tokens } = await collect(
      model.generate('', { maxTokens: PREFIX, temperature: 1, topP: 1, seed: seed + i, stopTokens: [], signal }),
    )
    prefixes.push(tokens)
  }
  return prefixes
}
