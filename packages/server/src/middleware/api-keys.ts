import type { Context } from 'hono'
import { createMiddleware } from 'hono/factory'
import { apiError } from '../api-error.ts'

/** Who may use the server. */
export interface ApiKey {
  readonly key: string
  /** Overlays that its requests may name: names, beginnings of names that end with `/`, `*` for all. Default: none. */
  readonly overlays?: readonly string[] | undefined
}

export interface KeyGuardOptions {
  /** What messages call a key. */
  readonly called: string
  /** Told which key it was, by its place among all. */
  readonly found?: ((context: Context, index: number) => void) | undefined
}

/**
 * Lets in who brings one of the keys, as `Authorization: Bearer KEY`. Keys are compared by digests, all of them each time:
 * how long that takes says nothing about what they are.
 */
export function requireKey(keys: readonly string[], { called, found }: KeyGuardOptions) {
  const known = Promise.all(keys.map(digest))
  return createMiddleware(async (context, next) => {
    const [, given] = /^Bearer +(\S+) *$/i.exec(context.req.header('authorization') ?? '') ?? []
    const wanted = await digest(given ?? '')
    let match = 0
    for (const [i, each] of (await known).entries()) match |= (i + 1) * Number(isEqual(each, wanted))
    if (given !== undefined && match > 0) {
      found?.(context, match - 1)
      return next()
    }
    const [message, code] =
      given === undefined
        ? [`No ${called} was given; send it as the header Authorization: Bearer KEY.`, null]
        : [`The ${called} is not one of this server.`, 'invalid_api_key']
    throw apiError(401, message, { code: code ?? undefined, headers: { 'www-authenticate': 'Bearer' } })
  })
}

/** Whether a key with these overlays may name one. */
export const mayName = (overlays: readonly string[], name: string): boolean =>
  overlays.some((each) => each === '*' || each === name || (each.endsWith('/') && name.startsWith(each)))

async function digest(key: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(key)))
}

/** Looks at every byte, whatever it finds. */
function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length
  for (let i = 0; i < a.length; i++) difference |= a[i]! ^ (b[i] ?? 0)
  return difference === 0
}
