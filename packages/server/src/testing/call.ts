import { expect } from 'vitest'
import type { ErrorBody } from '../api-error.ts'

export type Fetch = (request: Request) => Promise<Response>

const ORIGIN = 'http://server.test'

/** Posts JSON to a path. */
export const post = (fetch: Fetch, path: string, body: unknown, init: RequestInit = {}): Promise<Response> =>
  fetch(
    new Request(ORIGIN + path, {
      method: 'POST',
      body: typeof body === 'string' ? body : JSON.stringify(body),
      ...init,
      headers: { 'content-type': 'application/json', ...init.headers },
    }),
  )

export const get = (fetch: Fetch, path: string, init: RequestInit = {}): Promise<Response> =>
  fetch(new Request(ORIGIN + path, init))

/** The events of a stream, each parsed, without the last `[DONE]`. */
export async function eventsOf<T>(response: Response): Promise<T[]> {
  expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/)
  const texts = (await response.text()).split('\n\n').filter(Boolean)
  expect(texts.at(-1)).toBe('data: [DONE]')
  return texts.slice(0, -1).map((text) => JSON.parse(text.replace(/^data: /, '')) as T)
}

/** Holds an answer to be an error as OpenAI's clients know them. */
export async function expectError(response: Response, status: number): Promise<ErrorBody['error']> {
  const text = await response.text()
  expect(response.status, text).toBe(status)
  expect(response.headers.get('content-type')).toMatch(/^application\/json/)
  const { error } = JSON.parse(text) as ErrorBody
  expect(error).toEqual({
    message: expect.stringMatching(/\S/) as unknown,
    type: expect.any(String) as unknown,
    param: error.param === null ? null : expect.any(String),
    code: error.code === null ? null : expect.any(String),
  })
  return error
}
