import { bodyLimit } from 'hono/body-limit'
import { every } from 'hono/combine'
import { createMiddleware } from 'hono/factory'
import { apiError } from '../api-error.ts'

/** Takes JSON in UTF-8 of at most so many bytes, and refuses everything else before it is parsed. */
export const jsonBody = (maxBytes: number) =>
  every(
    requireJson,
    bodyLimit({
      maxSize: maxBytes,
      onError: () => {
        // What is left of it is not read, so nothing else can come over this connection.
        const headers = { connection: 'close' }
        throw apiError(413, `The body is larger than the ${maxBytes} bytes that this server takes.`, { headers })
      },
    }),
    requireUtf8,
  )

const requireJson = createMiddleware(async ({ req }, next) => {
  const type = req.header('content-type') ?? ''
  if (!/^application\/json\s*(?:;|$)/i.test(type)) {
    throw apiError(415, `The content type is '${type.slice(0, 100)}', but must be application/json.`)
  }
  const charset = /;\s*charset\s*=\s*"?([^\s;"]*)/i.exec(type)?.[1] ?? 'utf-8'
  if (!/^utf-?8$/i.test(charset)) throw apiError(415, `The charset is '${charset.slice(0, 100)}', but must be utf-8.`)
  const encoding = req.header('content-encoding') ?? 'identity'
  if (encoding.toLowerCase() !== 'identity') {
    throw apiError(415, `The content encoding is '${encoding.slice(0, 100)}'; send the body as it is.`)
  }
  await next()
})

const requireUtf8 = createMiddleware(async ({ req }, next) => {
  const bytes = await req.arrayBuffer().catch((cause: unknown) => {
    throw apiError(400, 'The body did not arrive whole.', { cause })
  })
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw apiError(400, 'The body is not valid UTF-8.', { cause })
  }
  await next()
})
