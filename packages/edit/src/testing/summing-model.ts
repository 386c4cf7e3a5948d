import type { EditableModel, Likely } from '../preview/editable-model.ts'
import { ROWS } from './tables.ts'

/**
 * A model small enough to follow by hand: the logit of a token is what the rows of the text, summed, have at a place that
 * depends on the token, and the tokens themselves, which an edit of rows leaves alone, count as well.
 */
export function summingModel(): EditableModel & { readonly asked: (readonly number[])[] } {
  const asked: (readonly number[])[] = []
  return {
    asked,
    async *generate(prompt, { rows, tableIds, maxTokens, topLogprobs }) {
      asked.push(tableIds ?? prompt)
      const { layers, width } = rows.layout
      const text = [...prompt]
      for (let made = 0; made < maxTokens; made++) {
        const looked = text.map((token, at) => tableIds?.[at] ?? token)
        const unique = Uint32Array.from(new Set(looked)).toSorted()
        const blocks = new Float32Array(layers * unique.length * width)
        await rows.gather({ unique }, blocks)
        const logits = Array.from({ length: ROWS }, (_, token) => {
          const layer = token % layers
          const place = token % width
          const sum = looked.reduce(
            (all, id) => all + blocks[(layer * unique.length + unique.indexOf(id)) * width + place]!,
            0,
          )
          return sum + 0.1 * ((text.at(-1)! + token) % 7)
        })
        const total = Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0))
        const all: Likely[] = logits.map((logit, token) => ({ token, logprob: logit - total }))
        const sorted = all.toSorted((a, b) => b.logprob - a.logprob)
        text.push(sorted[0]!.token)
        yield { ...sorted[0]!, text: `<${sorted[0]!.token}>`, topLogprobs: sorted.slice(0, topLogprobs) }
      }
    },
  }
}
