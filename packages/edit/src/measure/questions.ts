import type { LanguageModel } from '@stemkit/spec/language-model'
import type { EditCase } from './cases/edit-case.ts'

/** A model over some rows. */
export type AskedModel = Pick<LanguageModel, 'score' | 'generate'>

/** What a prompt is asked: its answer, and beside it the answer that competes with it. */
export interface PreparedQuestion {
  readonly about: 'efficacy' | 'paraphrase' | 'neighbourhood' | 'portability'
  readonly context: readonly number[]
  readonly answer: readonly number[]
  readonly text: string
  /** The answer's rival behind its own context, which may be tokenized otherwise. */
  readonly rival?: { readonly context: readonly number[]; readonly answer: readonly number[] } | undefined
}

/** What came of a question. */
export interface Reply {
  /** exp of the mean of ln p over the answer's tokens, each behind those before it, as ROME compares them. */
  readonly probability: number
  readonly rival: number | undefined
  /** The model's first choice in the place of each token of the answer, behind those before it. */
  readonly choices: readonly number[]
  /** Whether the text that the model makes itself begins with the answer. */
  readonly says: boolean
}

/** The questions of a case. The rival of the new answer is the true one; that of a neighbour's, the new one. */
export async function prepareQuestions(
  { encode }: Pick<LanguageModel, 'encode'>,
  { prompt, answer, truth, paraphrases, neighbours, portability }: EditCase,
): Promise<PreparedQuestion[]> {
  const prepare = async (
    about: PreparedQuestion['about'],
    asked: string,
    text: string,
    other: string | undefined,
  ): Promise<PreparedQuestion> => ({
    about,
    text,
    ...(await splitAnswer(encode, asked, text)),
    ...(other !== undefined && other !== text && { rival: await splitAnswer(encode, asked, other) }),
  })
  return Promise.all([
    prepare('efficacy', prompt, answer, truth),
    ...paraphrases.map((asked) => prepare('paraphrase', asked, answer, truth)),
    ...neighbours.map((each) => prepare('neighbourhood', each.prompt, each.answer, answer)),
    ...portability.map((each) => prepare('portability', each.prompt, each.answer, undefined)),
  ])
}

/**
 * The tokens of a prompt and of the answer behind it, with a space between: where the tokens of both together part from
 * those of the prompt, the answer begins.
 */
export async function splitAnswer(
  encode: LanguageModel['encode'],
  prompt: string,
  answer: string,
): Promise<{ readonly context: readonly number[]; readonly answer: readonly number[] }> {
  const alone = await encode(prompt.trimEnd())
  const both = await encode(`${prompt.trimEnd()} ${answer.trim()}`)
  const parting = alone.findIndex((id, i) => both[i] !== id)
  const from = parting < 0 ? alone.length : parting
  return { context: both.slice(0, from), answer: both.slice(from) }
}

/** Tokens that the longest question takes. */
export const longestOf = (questions: readonly PreparedQuestion[]): number =>
  Math.max(
    ...questions.flatMap(({ context, answer, rival }) => [
      context.length + answer.length,
      rival ? rival.context.length + rival.answer.length : 0,
    ]),
  )

/** Tokens beyond the answer's own number in which a model may say it in other tokens. */
const SLACK = 2

/** Asks all questions; requests that share a context are next to each other. */
export async function askQuestions(
  model: AskedModel,
  questions: readonly PreparedQuestion[],
  options: { readonly signal?: AbortSignal },
): Promise<Reply[]> {
  const scored = questions.flatMap(({ context, answer, rival }) => [
    { context, continuation: answer },
    ...(rival ? [{ context: rival.context, continuation: rival.answer }] : []),
  ])
  const stepwise = questions.flatMap(({ context, answer }) =>
    answer.map((_, i) => ({ prompt: [...context, ...answer.slice(0, i)], maxTokens: 1 })),
  )
  const freely = questions.map(({ context, answer }) => ({ prompt: context, maxTokens: answer.length + SLACK }))
  const scores = await all(model.score(scored, options))
  const steps = await all(model.generate(stepwise, options))
  const texts = await all(model.generate(freely, options))
  let [score, step] = [0, 0]
  return questions.map(({ answer, rival, text }, i) => {
    const probability = perToken(scores[score++]!.logprobs)
    return {
      probability,
      rival: rival && perToken(scores[score++]!.logprobs),
      choices: answer.map(() => steps[step++]!.tokens[0] ?? -1),
      says: beginsWith(texts[i]!.text.trimStart(), text.trim()),
    }
  })
}

/** "Berliner" does not begin with Berlin. */
const beginsWith = (text: string, answer: string): boolean =>
  text.startsWith(answer) && !/^[\p{L}\p{N}]/u.test(text.slice(answer.length))

const perToken = (logprobs: Float64Array): number =>
  Math.exp(logprobs.reduce((sum, value) => sum + value, 0) / logprobs.length)

export async function all<T>(results: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const result of results) list.push(result)
  return list
}
