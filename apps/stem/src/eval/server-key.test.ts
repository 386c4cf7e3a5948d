import { expect, test } from 'vitest'
import { serverKey } from './server-key.ts'

const OPENAI_API_KEY = 'of-openai'

test("OpenAI's key goes to OpenAI alone, and not in the clear", () => {
  const keyFor = (url: string) => serverKey(url, { OPENAI_API_KEY })
  expect(keyFor('https://api.openai.com/v1')).toBe(OPENAI_API_KEY)
  expect(keyFor('https://eu.api.openai.com/v1')).toBe(OPENAI_API_KEY)
  for (const url of [
    'http://api.openai.com/v1',
    'http://localhost:8080/v1',
    'https://example.com/v1',
    'https://notopenai.com/v1',
    'https://api.openai.com.example.com/v1',
    'https://api.openai.com@example.com/v1',
    'no url',
  ]) {
    expect(keyFor(url)).toBeUndefined()
  }
})

test('a key that is set for the server goes before it', () => {
  const keyFor = (url: string, STEM_SERVER_KEY: string) => serverKey(url, { OPENAI_API_KEY, STEM_SERVER_KEY })
  expect(keyFor('http://localhost:8080/v1', 'own')).toBe('own')
  expect(keyFor('https://api.openai.com/v1', 'own')).toBe('own')
  expect(keyFor('http://localhost:8080/v1', '')).toBeUndefined()
})
