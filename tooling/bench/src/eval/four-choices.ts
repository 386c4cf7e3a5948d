import type { EvalRequest } from '@stemkit/eval'

export interface FourChoices {
  /** Four for each question, which have its context in common. */
  readonly requests: readonly EvalRequest[]
  /** The same, each with a context of its own: it begins with another word. */
  readonly unshared: readonly EvalRequest[]
}

/** A word of one token each, most likely. */
const MARKS = [' One', ' two', ' the', ' of']
const CHOICE_WORDS = 6

/**
 * Questions of real text with four choices, as a task with shots has them: how does this passage go on? One choice is what
 * follows, the others follow passages elsewhere.
 */
export function fourChoices(
  text: string,
  { questions, contextWords }: { readonly questions: number; readonly contextWords: number },
): FourChoices {
  const words = text.split(/\s+/u)
  const phrase = (at: number, count: number): string => words.slice(at, at + count).join(' ')
  const requests: EvalRequest[] = []
  const unshared: EvalRequest[] = []
  for (let question = 0; question < questions; question++) {
    const at = question * 2 * contextWords
    const context = phrase(at, contextWords)
    for (const [choice, mark] of MARKS.entries()) {
      const from = choice === 0 ? at + contextWords : at + Math.floor((contextWords * (4 + choice)) / 4) + 7 * choice
      const continuation = ` ${phrase(from, CHOICE_WORDS)}`
      requests.push({ kind: 'loglikelihood', context, continuation })
      unshared.push({ kind: 'loglikelihood', context: `${mark} ${context}`, continuation })
    }
  }
  return { requests, unshared }
}
