import type { Tokenizer } from '@stemkit/spec/tokenizer'
import type { RowsInPlace } from '../preview/editable-model.ts'
import type { MeasuredModel } from '../measure/measured-model.ts'

/**
 * A language model small enough to follow by hand: the logit of a token is what the rows of the text, summed, later ones
 * counting more, have at a place that depends on the token.
 */
export function summingLanguageModel(tokenizer: Tokenizer): MeasuredModel {
  const logprobsAfter = async (rows: RowsInPlace, text: readonly number[]): Promise<number[]> => {
    const { layers, width } = rows.layout
    const unique = Uint32Array.from(new Set(text)).toSorted()
    const blocks = new Float32Array(layers * unique.length * width)
    await rows.gather({ unique }, blocks)
    const logits = Array.from({ length: tokenizer.vocabSize }, (_, token) => {
      const [layer, place] = [token % layers, token % width]
      const sum = text.reduce((all, id, at) => {
        return all + (blocks[(layer * unique.length + unique.indexOf(id)) * width + place]! * (at + 1)) / text.length
      }, 0)
      return Math.sin(sum + token) * 2
    })
    const total = Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0))
    return logits.map((logit) => logit - total)
  }
  const best = (logprobs: readonly number[]): number => logprobs.indexOf(Math.max(...logprobs))
  return {
    maxLength: 40,
    encode: async (text) => Array.from(tokenizer.encode(text)),
    over: (rows) => ({
      async *score(requests, { signal } = {}) {
        let index = 0
        for await (const { context, continuation } of requests) {
          signal?.throwIfAborted()
          const text = [...context]
          let greedy = true
          const logprobs = new Float64Array(continuation.length)
          for (const [i, token] of continuation.entries()) {
            const after = await logprobsAfter(rows, text)
            logprobs[i] = after[token]!
            greedy &&= best(after) === token
            text.push(token)
          }
          yield { index: index++, logprobs, greedy }
        }
      },
      async *generate(requests, { signal } = {}) {
        let index = 0
        for await (const { prompt, maxTokens } of requests) {
          signal?.throwIfAborted()
          const text = [...prompt]
          while (text.length < prompt.length + maxTokens) text.push(best(await logprobsAfter(rows, text)))
          const tokens = text.slice(prompt.length)
          yield { index: index++, tokens, text: tokenizer.decode(tokens) }
        }
      },
    }),
  }
}
