import type { LanguageModel, Prompted, Scored } from '@stemkit/spec/language-model'

/** How often this model has read something. */
export interface BigramStats {
  /** Tokens read, those of a context that the request before had not counted. */
  tokensRead: number
  requests: number
}

export const BOS = 256
export const EOS = 257

/**
 * A language model that counts: the probability of a byte depends on the one before it, as in `source`, each pair counted once
 * more. What is likeliest is settled by the byte's number.
 */
export function bigramModel(
  source: string,
  { maxLength = 64, stats = { tokensRead: 0, requests: 0 } }: { maxLength?: number; stats?: BigramStats } = {},
): LanguageModel {
  const size = 258
  const counts = new Float64Array(size * size).fill(1)
  const bytes = [BOS, ...new TextEncoder().encode(source), EOS]
  for (let i = 1; i < bytes.length; i++) counts[bytes[i - 1]! * size + bytes[i]!]! += 1
  const row = (token: number): Float64Array => counts.subarray(token * size, (token + 1) * size)
  const logprob = (before: number, token: number): number =>
    Math.log(row(before)[token]!) - Math.log(row(before).reduce((sum, each) => sum + each, 0))
  const best = (before: number): number => row(before).indexOf(Math.max(...row(before)))
  const decode = (tokens: readonly number[]): string =>
    new TextDecoder().decode(Uint8Array.from(tokens.filter((token) => token < 256)))

  return {
    id: `bigrams of ${source.length} characters`,
    maxLength,
    startToken: BOS,
    endToken: EOS,
    async encode(given, { addSpecial = false } = {}) {
      const pieces = given.split(/(<s>|<\/s>)/u)
      const ids = pieces.flatMap((piece) =>
        piece === '<s>' ? [BOS] : piece === '</s>' ? [EOS] : [...new TextEncoder().encode(piece)],
      )
      return addSpecial ? [BOS, ...ids] : ids
    },
    async decode(tokens, { skipSpecial = true } = {}) {
      if (skipSpecial) return decode(tokens)
      return tokens.map((token) => (token === BOS ? '<s>' : token === EOS ? '</s>' : decode([token]))).join('')
    },
    async *score(requests, { signal } = {}) {
      let index = 0
      let last: readonly number[] = []
      for await (const { context, continuation } of requests as AsyncIterable<Scored>) {
        signal?.throwIfAborted()
        const tokens = [...(context.length > 0 ? context : [BOS]), ...continuation]
        if (tokens.length > maxLength + 1) throw new Error(`${tokens.length} tokens do not fit`)
        const parted = tokens.findIndex((token, i) => token !== last[i])
        stats.tokensRead += tokens.length - Math.max(0, parted)
        stats.requests++
        last = tokens
        const from = tokens.length - continuation.length
        const logprobs = Float64Array.from(continuation, (token, i) => logprob(tokens[from + i - 1]!, token))
        const greedy = continuation.every((token, i) => best(tokens[from + i - 1]!) === token)
        yield { index: index++, logprobs, greedy }
      }
    },
    async *generate(requests, { signal } = {}) {
      let index = 0
      for await (const { prompt, maxTokens, stop = [] } of requests as AsyncIterable<Prompted>) {
        signal?.throwIfAborted()
        const made: number[] = []
        let text = ''
        while (made.length < maxTokens && !stop.some((each) => text.includes(each)) && made.at(-1) !== EOS) {
          made.push(best(made.at(-1) ?? prompt.at(-1) ?? BOS))
          text = decode(made)
        }
        const ends = stop.map((each) => text.indexOf(each)).filter((at) => at >= 0)
        yield { index: index++, text: text.slice(0, Math.min(text.length, ...ends)), tokens: made }
      }
    },
  }
}
