import type { ChatMessage, EvalModel } from '../ask/eval-model.ts'
import type { EvalAnswer, EvalRequest } from '../ask/requests.ts'

const encoder = new TextEncoder()
const texts = ['The answer is 42.', '#### 1,234', 'So the answer is (B).\n\nQ: next', '']

/** FNV-1a of 32 bits over the bytes of a text. */
export function fnv(text: string): number {
  let hash = 0x811c9dc5
  for (const byte of encoder.encode(text)) hash = Math.imul(hash ^ byte, 0x01000193)
  return hash >>> 0
}

/** The answer of a made-up model that is a formula: everyone who knows it gets the same scores, whatever the text means. */
export function formulaAnswer(request: EvalRequest): EvalAnswer {
  switch (request.kind) {
    case 'loglikelihood': {
      const hash = fnv(`${request.context}\u0001${request.continuation}`)
      return { kind: 'loglikelihood', logprob: scaled(hash, 3, request.continuation), greedy: (hash & 7) === 0 }
    }
    case 'loglikelihood_rolling':
      return { kind: 'loglikelihood_rolling', logprob: scaled(fnv(request.text), 2, request.text) }
    case 'generate_until':
      return { kind: 'generate_until', text: texts[fnv(request.context) % 4] ?? '' }
  }
}

/** From the left to the right, as the records were made; zero is negative. */
const scaled = (hash: number, factor: number, text: string) =>
  (-(hash % 1000003) / 1000003) * factor * encoder.encode(text).length

/** Messages as `<|role|>` and their text, each on lines of its own. */
export function formulaChat(
  messages: readonly ChatMessage[],
  { addGenerationPrompt }: { readonly addGenerationPrompt: boolean },
): string {
  const text = messages.map(({ role, content }) => `<|${role}|>\n${content}\n`).join('')
  return addGenerationPrompt ? `${text}<|assistant|>\n` : text.slice(0, -1)
}

/** The model of the reference records; its tokens are words. */
export const formulaModel: EvalModel = {
  id: 'formula',
  async *answer(requests) {
    for (const [index, request] of requests.entries()) yield { index, answer: formulaAnswer(request) }
  },
  applyChatTemplate: formulaChat,
}
