import { gpt2TokenizerJson, loadTokenizer } from '@stemkit/tokenizer'
import { expect, test } from 'vitest'
import { readSentence, tokensOf, tokensWithin } from './statements.ts'

/** A token for every character, and one for " is". */
const characters = [
  ...Array.from({ length: 94 }, (_, i) => String.fromCharCode(33 + i)),
  '\u0120',
  '\u0120i',
  '\u0120is',
]
const tokenizer = loadTokenizer(
  gpt2TokenizerJson(Object.fromEntries(characters.map((token, id) => [token, id])), '\u0120 i\n\u0120i s'),
)
const textOf = (ids: readonly number[]): string => tokenizer.decode(ids)

test('the target is in braces, or where it is said to be, or the last word', () => {
  const sentence = { prompt: 'The capital of Spain is', target: 'Berlin' }
  expect(readSentence('The capital of Spain is {Berlin}, they say.', undefined)).toEqual(sentence)
  expect(readSentence('The capital of Spain is {Berlin}.', 'Madrid')).toEqual(sentence)
  expect(readSentence('The capital of Spain is Berlin today.', 'Berlin')).toEqual(sentence)
  expect(readSentence('The capital of Spain is Berlin.', undefined)).toEqual(sentence)
  expect(readSentence('It is New York', 'New York')).toEqual({ prompt: 'It is', target: 'New York' })
  for (const none of ['Berlin.', '{Berlin} is it', '']) {
    expect(() => readSentence(none, undefined)).toThrow('no target behind other words')
  }
})

test('its tokens begin where those of the prompt end', async () => {
  const { ids, from } = await tokensOf({ prompt: 'a b', target: 'is it' }, tokenizer)
  expect([textOf(ids.slice(0, from)), textOf(ids.slice(from))]).toEqual(['a b', ' is it'])
  expect(ids.length - from).toBe(1 + 2)
})

test('a subject is found wherever it stands, with the space before it', () => {
  const sentence = { prompt: 'ab is, and so ab', target: 'is' }
  expect(textOf(tokensWithin('ab', sentence, tokenizer))).toBe('ab ab')
  expect(textOf(tokensWithin('is', { prompt: 'ab', target: 'is' }, tokenizer))).toBe(' is')
  expect(tokensWithin('x', sentence, tokenizer)).toEqual([])
})
