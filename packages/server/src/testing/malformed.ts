import fc from 'fast-check'
import {
  brokenBodies,
  json,
  junk,
  request,
  text,
  withField,
  withoutBody,
  type Malformed,
  type Sound,
} from './broken-bodies.ts'

/** What is asked for is sound but for one field, so that nothing hides the mistake. */
const SOUND: readonly Sound[] = [
  {
    path: '/v1/completions',
    body: { model: 'tiny', prompt: 'the', max_tokens: 1 },
    lists: ['prompt', 'stop'],
  },
  {
    path: '/v1/chat/completions',
    body: { model: 'tiny', messages: [{ role: 'user', content: 'a' }], max_tokens: 1 },
    lists: ['messages', 'stop'],
  },
]
const sound = fc.constantFrom(...SOUND)
const paths = fc.constantFrom(...SOUND.map(({ path }) => path))

const fields = [
  'temperature', 'top_p', 'min_p', 'n', 'max_tokens', 'seed', 'stop', 'stream_options', 'logit_bias', 'presence_penalty',
  'frequency_penalty', 'overlay', 'top_k', 'repetition_penalty', 'model', 'stream',
] // prettier-ignore

/** A sound request in which one field has a value that it cannot have. */
const wrongField = fc
  .record({ of: sound, field: fc.constantFrom(...fields), value: junk })
  .filter(({ field, value }) => !isSound(field, value))
  .map(({ of, field, value }) => request(of.path, withField(of.body, field, value)))

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

/** Requests of all kinds that a server has to refuse. */
export const malformed: fc.Arbitrary<Malformed> = fc.oneof(
  { weight: 6, arbitrary: wrongField },
  ...SOUND.map((each) => ({ weight: 5, arbitrary: brokenBodies(each) })),
  fc
    .record({ of: sound, overlay: fc.constantFrom('%E0%A4%A', 'nobody') })
    .map(({ of, overlay }) => request(of.path, text(JSON.stringify(of.body)), [json, ['stemkit-overlay', overlay]])),
  // Methods and paths that there are not.
  fc
    .record({ path: paths, method: fc.constantFrom('GET', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE', 'PROPFIND') })
    .map(({ path, method }) => withoutBody(path, method)),
  fc
    .webPath({ size: 'small' })
    .filter((path) => !/^\/(?:v1|health|metrics|openapi)/.test(path))
    .map((path) => withoutBody(`/x${path}`)),
  fc
    .constantFrom(
      '/v1/completions/%',
      '/%ff',
      '/v1/models/%E0%A4',
      '/v1//completions',
      '/v1/models/..%2f..',
      '/v1/models/none',
    )
    .map((path) => withoutBody(path)),
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
