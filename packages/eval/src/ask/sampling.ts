import type { Sampling } from '@stemkit/spec/language-model'
import type { GenerateRequest } from './requests.ts'

/** How the tokens of an answer are chosen; undefined for the likeliest ones. */
export function samplingOf({ context, arguments: given, repeat = 0 }: GenerateRequest, seed = 0): Sampling | undefined {
  const temperature = given.temperature ?? 1
  if (!given.do_sample || temperature === 0) return undefined
  const number = (name: string): number | undefined => (typeof given[name] === 'number' ? given[name] : undefined)
  const options = {
    topP: number('top_p'),
    topK: number('top_k'),
    minP: number('min_p'),
    repetitionPenalty: number('repetition_penalty'),
  }
  const named = Object.entries(options).filter(([, value]) => value !== undefined)
  // Every answer has a seed of its own, which depends on nothing but the question.
  return { temperature, ...Object.fromEntries(named), seed: number('seed') ?? hash(`${seed} ${repeat} ${context}`) }
}

/** FNV-1a over UTF-16 units, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193)
  return value >>> 0
}
