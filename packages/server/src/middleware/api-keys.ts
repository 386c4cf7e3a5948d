import { createMiddleware } from 'hono/factory'
import { apiError } from '../api-error.ts'

/**
 * Lets in who brings one of the keys, as `Authorization: Bearer KEY`. Keys are compared by digests, all of them each time:
 * how long that takes says nothing about what they are.
 */
export function requireApiKey(keys: readonly string[]) {
  const known = Promise.all(keys.map(digest))
  return createMiddleware(async (context, next) => {
    const [, given] = /^Bearer +(\S+) *$/i.exec(context.req.header('authorization') ?? '') ?? []
    const found = await digest(given ?? '')
    let matches = 0
    for (const each of await known) matches |= Number(isEqual(each, found))
    if (given !== undefined && matches === 1) return next()
    const [message, code] =
      given === undefined
        ? ['No API key was given; send it as the header Authorization: Bearer KEY.', null]
        : ['The API key is not one of this server.', 'invalid_api_key']
    throw apiError(401, message, { code: code ?? undefined, headers: { 'www-authenticate': 'Bearer' } })
  })
}

async function digest(key: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(key)))
}

/** Looks at every byte, whatever it finds. */
function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length
  for (let i = 0; i < a.length; i++) difference |= a[i]! ^ (b[i] ?? 0)
  return difference === 0
}
