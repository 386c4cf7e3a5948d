import fc from 'fast-check'

/** A request that makes no sense, as bytes on a connection. */
export interface Malformed {
  readonly method: string
  readonly path: string
  readonly headers: readonly (readonly [string, string])[]
  readonly body: Uint8Array
}

const text = (value: string): Uint8Array => new TextEncoder().encode(value)
const json: [string, string] = ['content-type', 'application/json']
const paths = fc.constantFrom('/v1/completions', '/v1/chat/completions')

/** What is asked for is sound but for one field, so that nothing hides the mistake. */
const SOUND: Readonly<Record<string, Record<string, unknown>>> = {
  '/v1/completions': { model: 'tiny', prompt: 'the', max_tokens: 1 },
  '/v1/chat/completions': { model: 'tiny', messages: [{ role: 'user', content: 'a' }], max_tokens: 1 },
}

const hugeNumber = fc.constantFrom('1e999', '-1e999', '9'.repeat(400), '1e308', '-0.5', '0.1', '4294967296.5', '-1')
const junk = fc.oneof(
  fc.constantFrom('"text"', '{}', '[[]]', '[{}]', 'true', '[null]', '{"__proto__":1}', '""', '[1,"a"]'),
  hugeNumber,
  fc.string({ unit: 'binary', maxLength: 20 }).map((value) => JSON.stringify([value, {}])),
)
const fields = [
  'temperature', 'top_p', 'min_p', 'n', 'max_tokens', 'seed', 'stop', 'stream_options', 'logit_bias', 'presence_penalty',
  'frequency_penalty', 'overlay', 'top_k', 'repetition_penalty', 'model', 'stream',
] // prettier-ignore

/** A sound request in which one field has a value that it cannot have. */
const wrongField = fc
  .record({ path: paths, field: fc.constantFrom(...fields), value: junk })
  .filter(({ field, value }) => !isSound(field, value))

/** Junk is now and then what a field takes. */
function isSound(field: string, value: string): boolean {
  const parsed: unknown = JSON.parse(value)
  if (field === 'overlay' || field === 'model') return false
  if (field === 'stop') return typeof parsed === 'string' && parsed !== ''
  if (field === 'stream') return parsed === true
  if (field === 'stream_options' || field === 'logit_bias') return value === '{}'
  if (typeof parsed !== 'number') return false
  if (field === 'temperature' || field === 'min_p' || field === 'top_p' || field === 'repetition_penalty')
    return parsed >= 0 && parsed <= 100
  return (field === 'top_k' || field === 'seed') && Number.isSafeInteger(parsed)
}

const withField = (path: string, field: string, value: string): Uint8Array => {
  const rest = JSON.stringify({ ...SOUND[path], [field]: undefined }).slice(1, -1)
  return text(`{${rest}${rest === '' ? '' : ','}${JSON.stringify(field)}:${value}}`)
}

const request = (
  path: string,
  body: Uint8Array,
  headers: Malformed['headers'] = [json],
  method = 'POST',
): Malformed => ({
  method,
  path,
  headers,
  body,
})

/** Requests of all kinds that a server has to refuse. */
export const malformed: fc.Arbitrary<Malformed> = fc.oneof(
  { weight: 6, arbitrary: wrongField.map(({ path, field, value }) => request(path, withField(path, field, value))) },
  // Fields that there are not.
  fc
    .record({
      path: paths,
      field: fc.string({ unit: 'binary', minLength: 1, maxLength: 12 }).map((name) => `x${name}`),
    })
    .map(({ path, field }) => request(path, withField(path, field, '1'))),
  // No JSON, cut JSON, JSON that is no object.
  fc.record({ path: paths, body: fc.uint8Array({ maxLength: 60 }) }).map(({ path, body }) => request(path, body)),
  fc
    .record({ path: paths, cut: fc.integer({ min: 1, max: 40 }) })
    .map(({ path, cut }) => request(path, text(JSON.stringify(SOUND[path])).slice(0, -cut))),
  fc.record({ path: paths, value: fc.json({ maxDepth: 3 }) }).map(({ path, value }) => request(path, text(value))),
  // Deep, wide and long.
  fc
    .record({ path: paths, depth: fc.integer({ min: 1, max: 20_000 }), open: fc.constantFrom('[', '{"a":') })
    .map(({ path, depth, open }) => request(path, withField(path, 'prompt', open.repeat(depth)))),
  fc
    .record({
      depth: fc.integer({ min: 2, max: 20_000 }),
      path: paths,
      field: fc.constantFrom('stop', 'messages', 'prompt'),
    })
    .map(({ path, depth, field }) => request(path, withField(path, field, '['.repeat(depth) + ']'.repeat(depth)))),
  fc
    .record({
      path: paths,
      count: fc.integer({ min: 200, max: 100_000 }),
      item: fc.constantFrom('{}', '""', '-1', '[]'),
    })
    .map(({ path, count, item }) =>
      request(
        path,
        withField(
          path,
          path.includes('chat') ? 'messages' : 'prompt',
          `[${Array.from({ length: count }, () => item).join()}]`,
        ),
      ),
    ),
  // Broken UTF-8 inside a sound request.
  fc
    .record({ path: paths, at: fc.integer({ min: 10, max: 30 }), byte: fc.constantFrom(0xff, 0xc0, 0x80, 0xf8) })
    .map(({ path, at, byte }) => {
      const sound = text(JSON.stringify(SOUND[path]))
      return request(path, Uint8Array.from([...sound.slice(0, at), byte, ...sound.slice(at)]))
    }),
  // Other types, encodings and charsets than are taken.
  fc
    .record({
      path: paths,
      header: fc.constantFrom<[string, string][]>(
        [['content-type', 'text/plain']],
        [['content-type', 'application/json; charset=latin1']],
        [['content-type', 'multipart/form-data']],
        [],
        [json, ['content-encoding', 'gzip']],
        [json, ['content-encoding', 'br, gzip']],
        [['content-type', 'x'.repeat(3000)]],
        [json, ['stemkit-overlay', '%E0%A4%A']],
        [json, ['stemkit-overlay', 'nobody']],
      ),
    })
    .map(({ path, header }) => request(path, text(JSON.stringify(SOUND[path])), header)),
  // Methods and paths that there are not.
  fc
    .record({ path: paths, method: fc.constantFrom('GET', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE', 'PROPFIND') })
    .map(({ path, method }) => request(path, new Uint8Array(0), [], method)),
  fc
    .webPath({ size: 'small' })
    .filter((path) => !/^\/(?:v1|health|metrics|openapi)/.test(path))
    .map((path) => request(`/x${path}`, new Uint8Array(0), [], 'GET')),
  fc
    .constantFrom(
      '/v1/completions/%',
      '/%ff',
      '/v1/models/%E0%A4',
      '/v1//completions',
      '/v1/models/..%2f..',
      '/v1/models/none',
    )
    .map((path) => request(path, new Uint8Array(0), [], 'GET')),
)

/** What is no HTTP at all. */
export const noHttp: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(
    'GET\r\n\r\n',
    'POST /v1/completions HTTP/9.9\r\n\r\n',
    'POST /v1/completions HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n',
    'POST /v1/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello',
    'POST /v1/completions HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Type: application/json\r\n\r\nzz\r\n',
    'POST /v1/completions HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n',
    'GET /health HTTP/1.1\r\nHost: a\r\nBad Header: 1\r\n\r\n',
    'GET /health HTTP/1.1\r\n\r\n',
    'GET /health HTTP/1.1\r\nHost: a b\r\n\r\n',
    'GET /he\\alth HTTP/1.1\r\nHost: a\r\n\r\n',
    'POST /v1/completions HTTP/1.1\r\nHost: a\r\nExpect: much\r\nContent-Length: 0\r\n\r\n',
    `GET /health HTTP/1.1\r\nHost: a\r\nX: ${'y'.repeat(40_000)}\r\n\r\n`,
  ),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }).map((junkLine) => `${junkLine}\r\n\r\n`),
)
