import type { TextTokens } from './encode-pair.ts'

/** What a tokenizer, near or far, can do. */
export interface TokenizerLike {
  readonly startToken?: number | undefined
  readonly endToken?: number | undefined
  encode(text: string, options: { readonly addSpecial: boolean }): Promise<readonly number[]>
  decode(tokens: readonly number[], options: { readonly skipSpecial: boolean }): Promise<string>
}

export interface EvalTokens extends TextTokens {
  /** EOS as text, which ends an answer. */
  readonly endText: string | undefined
}

/**
 * Texts as tokens, by the rules of a harness: the tokenizer's own template stands around a text (`addSpecial` says otherwise),
 * but no second start token before one that begins with it. The last text is remembered, as choices share their context.
 */
export async function evalTokens(tokenizer: TokenizerLike, addSpecial = true): Promise<EvalTokens> {
  const { startToken, endToken } = tokenizer
  const textOf = async (token: number | undefined): Promise<string | undefined> =>
    token === undefined ? undefined : tokenizer.decode([token], { skipSpecial: false })
  const [startText, endText] = await Promise.all([textOf(startToken), textOf(endToken)])
  let last: { readonly text: string; readonly tokens: Promise<readonly number[]> } | undefined

  const encode = async (text: string): Promise<readonly number[]> => {
    const hasStart = startText ? text.startsWith(startText) : false
    return tokenizer.encode(text, { addSpecial: addSpecial && !hasStart })
  }
  return {
    startToken,
    endText,
    encode(text) {
      if (last?.text === text) return last.tokens
      const tokens = encode(text)
      // Not the whole of a pair, which comes once, but its context, which comes again with the next choice.
      if (!last || !text.startsWith(last.text)) last = { text, tokens }
      return tokens
    },
    encodePlain: (text) => tokenizer.encode(text, { addSpecial: false }),
  }
}
