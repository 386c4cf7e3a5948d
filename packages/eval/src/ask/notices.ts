/** Counts what happened to requests that a user should know of, and says it once. */
export interface Notices {
  contextCut(): void
  promptCut(): void
  answerShortened(): void
  /** Tells what there is to tell. */
  give(): void
}

export function createNotices(onNotice: ((notice: string) => void) | undefined): Notices {
  const counts = { contexts: 0, prompts: 0, answers: 0 }
  const requests = (count: number): string => (count === 1 ? '1 request' : `${count} requests`)
  return {
    contextCut: () => void counts.contexts++,
    promptCut: () => void counts.prompts++,
    answerShortened: () => void counts.answers++,
    give() {
      const { contexts, prompts, answers } = counts
      if (contexts > 0)
        onNotice?.(`the model is too short for the context of ${requests(contexts)}: its beginning was cut off`)
      if (prompts > 0)
        onNotice?.(`the model is too short for the prompt of ${requests(prompts)} and its answer: the prompt was cut`)
      if (answers > 0)
        onNotice?.(`the model is too short for the answer of ${requests(answers)}: it may have fewer tokens`)
      Object.assign(counts, { contexts: 0, prompts: 0, answers: 0 })
    },
  }
}
