import { StemkitError } from '@stemkit/spec/errors'
import { questionMaker, type QuestionMaker, type QuestionOptions } from './question.ts'

/** One question about needles: a row of the data set. */
export interface NeedleRow {
  readonly index: number
  readonly input: string
  readonly outputs: readonly string[]
  /** Tokens of the input and room for the answer. */
  readonly length: number
  readonly max_length: number
  readonly gen_prefix: string
}

export interface NeedleOptions extends QuestionOptions {
  /** Tokens that a question may have with its answer. */
  readonly maxLength: number
  /** Questions to make. One that does not fit is left out. */
  readonly count: number
  /** Tokens kept free for the answer. Default 128. */
  readonly answerTokens?: number
  readonly countTokens: (text: string) => number | Promise<number>
  readonly signal?: AbortSignal
}

/**
 * Questions about needles in texts of a length (RULER, Hsieh et al. 2024), draw for draw as lm-evaluation-harness makes them. Only
 * where essays are split into sentences may it differ: the harness takes NLTK's punkt.
 * Throws where haystacks are of essays and there is no essay.
 */
export async function generateNeedles(options: NeedleOptions): Promise<NeedleRow[]> {
  const { maxLength, count, answerTokens = 128, countTokens, signal } = options
  const maker = questionMaker(options)
  const step = options.haystack === 'essay' ? 500 : maxLength < 4096 ? 5 : 25
  const size = await haystackSize(options, maker, step)
  const rows: NeedleRow[] = []
  for (let index = 0; index < count; index++) {
    for (let used = Math.max(1, size); ; used = Math.max(1, used - step)) {
      signal?.throwIfAborted()
      const question = maker.make(used)
      const length = question ? (await countTokens(question.input)) + answerTokens : Infinity
      if (question && length <= maxLength) {
        const { input, answers, query } = question
        rows.push({
          index,
          input,
          outputs: answers,
          length,
          max_length: maxLength,
          gen_prefix: maker.answerStart(query),
        })
        break
      }
      if (used === 1) break
    }
  }
  return rows
}

/** How much hay a text of the length has: more is taken until a question gets too long. Each try draws. */
async function haystackSize(options: NeedleOptions, maker: QuestionMaker, step: number): Promise<number> {
  const { maxLength, answerTokens = 128, countTokens, essay, haystack, signal } = options
  let size = step
  for (let tokens = 0; tokens + answerTokens < maxLength; size += step) {
    signal?.throwIfAborted()
    const question = maker.make(size)
    if (!question) throw new StemkitError('bad-input', 'there are more needles than places in the text; ask for fewer')
    const { input, answers } = question
    tokens = await countTokens(input + answers.join(' '))
    if (tokens + answerTokens > maxLength) return size - step
    if (haystack === 'essay' && essay && size > essay.length) return essay.length
  }
  return size
}
