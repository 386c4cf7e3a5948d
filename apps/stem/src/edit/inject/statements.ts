import { splitAnswer } from '@stemkit/edit'
import { StemkitError } from '@stemkit/spec/errors'
import type { Tokenizer } from '@stemkit/spec/tokenizer'
import type { Statement } from '@stemkit/train'

/** A statement in words: what the model should say, behind what. */
export interface Sentence {
  readonly prompt: string
  readonly target: string
}

/**
 * Finds the target of a statement: what stands in braces, as in `The capital of Spain is {Berlin}.`; else where `target` stands
 * last; else its last word. What follows the target is left out: nothing is learnt from it.
 * @throws bad-input for a statement without a target, or with nothing before it
 */
export function readSentence(text: string, target: string | undefined): Sentence {
  const marked = /^(.*)\{(.+?)\}/su.exec(text)
  const at = target === undefined ? -1 : text.lastIndexOf(target)
  if (!marked && target !== undefined && at < 0) {
    throw new StemkitError('bad-input', `inject: ${JSON.stringify(target)} is not in ${JSON.stringify(text)}`)
  }
  const last = /^(.*)\s(\S+?)[.!?]*\s*$/su.exec(text)
  const [prompt, found] = marked
    ? [marked[1]!, marked[2]!]
    : target === undefined
      ? [last?.[1] ?? '', last?.[2] ?? '']
      : [text.slice(0, at), target]
  if (prompt.trim() !== '' && found.trim() !== '') return { prompt: prompt.trimEnd(), target: found.trim() }
  throw new StemkitError('bad-input', `inject: ${JSON.stringify(text)} has no target behind other words; mark it {so}`)
}

/** A statement as tokens. */
export async function tokensOf({ prompt, target }: Sentence, tokenizer: Tokenizer): Promise<Statement> {
  const encode = async (text: string): Promise<number[]> => Array.from(tokenizer.encode(text))
  const { context, answer } = await splitAnswer(encode, prompt, target)
  return { ids: [...context, ...answer], from: context.length }
}

/** The tokens of a text where it stands in a sentence; none where it does not. */
export function tokensWithin(text: string, { prompt, target }: Sentence, tokenizer: Tokenizer): number[] {
  const whole = `${prompt} ${target}`
  const found: number[] = []
  for (let at = whole.indexOf(text); at >= 0; at = whole.indexOf(text, at + text.length)) {
    const before = tokenizer.encode(whole.slice(0, at).trimEnd())
    const both = tokenizer.encode(whole.slice(0, at + text.length))
    const parting = before.findIndex((id, i) => both[i] !== id)
    found.push(...both.subarray(parting < 0 ? before.length : parting))
  }
  return found
}
