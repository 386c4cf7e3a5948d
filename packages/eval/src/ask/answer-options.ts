import type { Truncation } from './fit-prompt.ts'

/** What changes answers, whatever model gives them. */
export interface AnswerOptions {
  /** Whether the tokenizer's own template, a BOS say, stands around texts. Default true. */
  readonly addSpecial?: boolean | undefined
  /** Tokens that are read at most. Default: what the model allows. */
  readonly maxLength?: number | undefined
  /** What is done with prompts that leave no room for their answer. Contexts that are scored are cut from the left. */
  readonly truncation?: Truncation | undefined
  /** What the model's thinking ends with: an answer is what comes after it. */
  readonly thinkEnd?: string | undefined
  /** Of answers that are sampled. Default 0. */
  readonly seed?: number | undefined
}

/** The id of a model, with what changes its answers where that is not the default. */
export function answersId(id: string, options: AnswerOptions): string {
  const { addSpecial = true, maxLength, truncation, thinkEnd, seed = 0 } = options
  const unusual = {
    ...(addSpecial ? {} : { addSpecial }),
    ...(maxLength !== undefined && { maxLength }),
    ...(truncation && { truncation }),
    ...(thinkEnd !== undefined && { thinkEnd }),
    ...(seed !== 0 && { seed }),
  }
  return Object.keys(unusual).length === 0 ? id : `${id} ${JSON.stringify(unusual)}`
}
