import fc from 'fast-check'
import {
  brokenBodies,
  junk,
  json,
  request,
  text,
  wideList,
  withField,
  withoutBody,
  type Malformed,
  type Sound,
} from './broken-bodies.ts'

/** An edit that could be applied. */
const EDIT = { name: 'a-as-z', source: 'a', target: 'z', spaces: 'without' }
const APPLY = { model: 'tiny', edit: EDIT }
const PREVIEW = { ...APPLY, prompts: ['banana'], max_tokens: 1 }
const SOUND: readonly Sound[] = [
  { path: '/admin/edits', body: APPLY, lists: ['edit'] },
  { path: '/admin/edits/preview', body: PREVIEW, lists: ['prompts', 'edit'] },
]
const sound = fc.constantFrom(...SOUND)
const listing = withoutBody('/admin/edits?model=tiny')
const asBytes = (body: object): Uint8Array => text(JSON.stringify(body))

/** Requests that would be answered, and some that would change the tables, were they to come with an admin key. */
export const soundAdmin: fc.Arbitrary<Malformed> = fc.constantFrom(
  listing,
  withoutBody('/admin/edits/a-as-z?model=tiny', 'DELETE'),
  ...SOUND.map(({ path, body }) => request(path, asBytes(body))),
)

/** Fields with values of a type that they never have. */
const wrongType = fc.oneof(
  fc
    .record({ of: sound, field: fc.constantFrom('model', 'user', 'edit'), value: junk })
    .filter(({ field, value }) => !(field === 'user' && typeof JSON.parse(value) === 'string'))
    .map(({ of, field, value }) => request(of.path, withField(of.body, field, value))),
  fc
    .record({ field: fc.constantFrom('prompts', 'max_tokens', 'top', 'kind'), value: junk })
    .map(({ field, value }) => request('/admin/edits/preview', withField(PREVIEW, field, value))),
)

const editFields = ['name', 'operation', 'source', 'target', 'strategy', 'padId', 'layers', 'spaces', 'amount', 'vector', 'values'] // prettier-ignore
/** A text is a name, or tokens of three letters in place of one. */
const isText = (value: string): boolean => typeof JSON.parse(value) === 'string'
const wrongInEdit = fc
  .record({
    of: sound,
    field: fc.constantFrom(...editFields),
    value: fc.oneof({ weight: 9, arbitrary: junk }, wideList),
  })
  .filter(({ field, value }) => !(field === 'name' && isText(value)))
  .map(({ of, field, value }) => {
    const edit = new TextDecoder().decode(withField(EDIT, field, value))
    return request(of.path, withField(of.body, 'edit', edit))
  })

/** Edits of the right types that make no sense, or that these tables cannot hold. */
const noToken = fc.oneof(
  fc.integer({ min: 260, max: 2 ** 31 }),
  fc.maxSafeInteger().filter((id) => id > 259),
)
const impossible = fc.oneof(
  fc.record({ source: fc.array(noToken, { minLength: 1, maxLength: 5 }) }),
  fc.record({ target: fc.array(noToken, { minLength: 1, maxLength: 5 }) }),
  fc.record({ padId: noToken }),
  fc.record({ layers: fc.array(fc.integer({ min: 3, max: 2 ** 31 }), { minLength: 1, maxLength: 4 }) }),
  fc.record({
    name: fc.oneof(fc.constantFrom('', ' ', 'a/b', 'x y', '..', '\u0000', '\ud800'), fc.string({ minLength: 101 })),
  }),
  fc.record({
    operation: fc.constant('add'),
    vector: fc.array(fc.array(fc.double(), { maxLength: 30 }), { maxLength: 4 }),
  }),
  fc.record({ operation: fc.constantFrom('add', 'interpolate', 'set') }),
  fc.record({ operation: fc.constant('interpolate'), amount: fc.constantFrom(1e300, -1e300) }),
  fc.record({
    source: fc.constantFrom('ab', 'the the', '\ud800', '\u0000\u0001'),
    target: fc.constantFrom('xyz', '\udfff\ud800'),
  }),
  fc.record({ source: fc.constant('z') }),
)
const impossibleEdit = fc
  .record({ of: sound, change: impossible })
  .map(({ of, change }) => request(of.path, asBytes({ ...of.body, edit: { ...EDIT, ...change } })))

/** Prompts that there are not, or that are too many or too long. */
const wrongPrompts = fc
  .oneof(
    fc.array(fc.array(noToken, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 3 }),
    fc.constantFrom(
      ['a'.repeat(10_000)],
      [Array.from({ length: 1000 }, () => 1)],
      Array.from({ length: 17 }, () => 'a'),
    ),
  )
  .map((prompts) => request('/admin/edits/preview', asBytes({ ...PREVIEW, prompts })))

/** Models, edits and users that there are not. */
const part = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 20 }),
  fc.constantFrom('..', 'a/b', '\u0000', 'x'.repeat(2000)),
)
const encoded = fc.oneof(part.map(encodeURIComponent), fc.constantFrom('%', '%ff', '%E0%A4', 'a%2fb'))
const unknown = fc.oneof(
  fc
    .record({ name: encoded, user: fc.option(encoded, { nil: undefined }) })
    .filter(({ name }) => name !== '' && name !== '.' && name !== '..')
    .map(({ name, user }) =>
      withoutBody(`/admin/edits/${name}?model=tiny${user === undefined ? '' : `&user=${user}`}`, 'DELETE'),
    ),
  fc
    .record({
      model: encoded.filter((name) => name !== 'tiny'),
      of: fc.constantFrom('GET /admin/edits', 'DELETE /admin/edits/a-as-z'),
    })
    .map(({ model, of }) => withoutBody(`${of.split(' ')[1]}?model=${model}`, of.split(' ')[0])),
  fc
    .record({ of: sound, model: part.filter((name) => name !== 'tiny') })
    .map(({ of, model }) => request(of.path, asBytes({ ...of.body, model }))),
)

/** Methods, paths and queries that there are not. */
const odd = fc.oneof(
  fc
    .record({
      path: fc.constantFrom('/admin/edits?model=tiny', '/admin/edits/preview', '/admin/edits/a-as-z?model=tiny'),
      method: fc.constantFrom('PUT', 'PATCH', 'OPTIONS', 'TRACE', 'PROPFIND', 'LOCK'),
    })
    .map(({ path, method }) => withoutBody(path, method)),
  fc
    .constantFrom(
      '/admin',
      '/admin/',
      '/admin/x',
      '/admin/edits',
      '/admin/edits/',
      '/admin//edits?model=tiny',
      '/admin/edits/a/b?model=tiny',
      '/admin/edits/%?model=tiny',
      '/admin/edits/preview?model=tiny',
      '/admin/edits?model=tiny&model=none',
      '/admin/edits?Model=tiny',
      '/admin/edits?model',
      '/admin/edits?user=a',
      '/admin/edits/a-as-z?model=tiny',
    ) // prettier-ignore
    .map((path) => withoutBody(path)),
  // Of the same path by another method.
  fc.constant(request('/admin/edits/a-as-z', asBytes(APPLY))),
  fc.constant(withoutBody('/admin/edits?model=tiny', 'DELETE')),
)

/** More bytes than are taken. */
const huge = sound.map(({ path, body }) =>
  request(path, text(`${' '.repeat(2 * 2 ** 20)}${JSON.stringify(body)}`), [json]),
)

/** Requests of all kinds that the administration has to refuse even to who has a key. */
export const malformedAdmin: fc.Arbitrary<Malformed> = fc.oneof(
  { weight: 30, arbitrary: wrongType },
  { weight: 30, arbitrary: wrongInEdit },
  { weight: 30, arbitrary: impossibleEdit },
  { weight: 10, arbitrary: wrongPrompts },
  { weight: 20, arbitrary: unknown },
  { weight: 20, arbitrary: odd },
  ...SOUND.map((each) => ({ weight: 20, arbitrary: brokenBodies(each) })),
  { weight: 1, arbitrary: huge },
)
