import type { Work } from './work.ts'

/** Tokens so far, as OpenAI's clients read them. */
export function usageOf({ counts: { promptTokens, cachedTokens, completionTokens } }: Pick<Work, 'counts'>) {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: cachedTokens },
  }
}

/** Which state of the server an answer comes from, by OpenAI's name. */
export const fingerprintOf = (tables: string | null): string => (tables === null ? 'stemkit' : `stemkit-${tables}`)
