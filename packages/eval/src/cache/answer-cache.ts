import type { EvalAnswer } from '../ask/requests.ts'

/** Answers that are known, by `requestKey`. */
export interface AnswerCache {
  get(key: string): EvalAnswer | undefined
  /** Keeps an answer. When it returns, the end of the process no longer loses it, if the cache outlives one. */
  put(key: string, answer: EvalAnswer): void
  dispose(): Promise<void>
}

/** Answers in memory, for as long as the program runs. */
export function memoryCache(): AnswerCache {
  const answers = new Map<string, EvalAnswer>()
  return {
    get: (key) => answers.get(key),
    put: (key, answer) => void answers.set(key, answer),
    dispose: async () => answers.clear(),
  }
}
