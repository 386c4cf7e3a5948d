import { describe, expect, it } from 'vitest'
import { fnv, formulaAnswer, formulaModel } from './formula-model.ts'

// The values of the records' description.
describe('the made-up model', () => {
  it('hashes bytes', () => {
    expect(['', 'a', 'é'].map((text) => fnv(text).toString(16))).toEqual(['811c9dc5', 'e40c292c', '1e9de8c1'])
  })

  it('answers by its formula', () => {
    const context = 'Question: What is 2+2?\nAnswer:'
    const likelihood = (continuation: string) => formulaAnswer({ kind: 'loglikelihood', context, continuation })
    expect(likelihood(' 4')).toEqual({ kind: 'loglikelihood', logprob: -4.702719891840324, greedy: false })
    expect(likelihood(' vier é')).toMatchObject({ logprob: -17.38206785379644 })
    expect(formulaAnswer({ kind: 'loglikelihood_rolling', text: 'Hello world.' })).toMatchObject({
      logprob: -1.7748426754719735,
    })
    const kwargs = { until: [], max_gen_toks: 8, do_sample: false }
    expect(formulaAnswer({ kind: 'generate_until', context: 'Q: 1+1?\nA:', arguments: kwargs })).toMatchObject({
      text: '',
    })
  })

  it('has a chat template', () => {
    const messages = [{ role: 'user', content: 'Hi' }] as const
    expect(formulaModel.applyChatTemplate?.(messages, { addGenerationPrompt: true })).toBe(
      '<|user|>\nHi\n<|assistant|>\n',
    )
    expect(formulaModel.applyChatTemplate?.(messages, { addGenerationPrompt: false })).toBe('<|user|>\nHi')
  })
})
