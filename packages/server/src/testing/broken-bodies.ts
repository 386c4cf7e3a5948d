import fc from 'fast-check'

/** A request that makes no sense, as bytes on a connection. */
export interface Malformed {
  readonly method: string
  readonly path: string
  readonly headers: readonly (readonly [string, string])[]
  readonly body: Uint8Array
}

export const text = (value: string): Uint8Array => new TextEncoder().encode(value)
export const json: [string, string] = ['content-type', 'application/json']

export const request = (
  path: string,
  body: Uint8Array,
  headers: Malformed['headers'] = [json],
  method = 'POST',
): Malformed => ({ method, path, headers, body })

export const withoutBody = (path: string, method = 'GET'): Malformed => request(path, new Uint8Array(0), [], method)

const hugeNumber = fc.constantFrom('1e999', '-1e999', '9'.repeat(400), '1e308', '-0.5', '0.1', '4294967296.5', '-1')

/** JSON that few fields take. */
export const junk: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom('"text"', '{}', '[[]]', '[{}]', 'true', '[null]', '{"__proto__":1}', '""', '[1,"a"]'),
  hugeNumber,
  fc.string({ unit: 'binary', maxLength: 20 }).map((value) => JSON.stringify([value, {}])),
)

/** Lists of many things, and lists of these. */
export const wideList: fc.Arbitrary<string> = fc
  .record({
    count: fc.integer({ min: 200, max: 300_000 }),
    item: fc.constantFrom('{}', '""', '-1', '[]'),
    depth: fc.integer({ min: 1, max: 3 }),
  })
  .map(({ count, item, depth }) => {
    const items = Array.from({ length: count }, () => item).join()
    return '['.repeat(depth) + items + ']'.repeat(depth)
  })

/** The body of a sound request with this in one field, as it is. */
export function withField(sound: object, field: string, value: string): Uint8Array {
  const rest = JSON.stringify({ ...sound, [field]: undefined }).slice(1, -1)
  return text(`{${rest}${rest === '' ? '' : ','}${JSON.stringify(field)}:${value}}`)
}

export interface Sound {
  readonly path: string
  readonly body: object
  /** Fields that take a list. */
  readonly lists: readonly [string, ...string[]]
}

/** Requests with bodies that no server should take, whatever they ask for. */
export const brokenBodies = ({ path, body, lists }: Sound): fc.Arbitrary<Malformed> => {
  const whole = text(JSON.stringify(body))
  const list = fc.constantFrom(...lists)
  return fc.oneof(
    // Fields that there are not.
    fc
      .string({ unit: 'binary', minLength: 1, maxLength: 12 })
      .map((name) => request(path, withField(body, `x${name}`, '1'))),
    // No JSON, cut JSON, JSON that is no object.
    fc.uint8Array({ maxLength: 60 }).map((bytes) => request(path, bytes)),
    fc.integer({ min: 1, max: 40 }).map((cut) => request(path, whole.slice(0, -cut))),
    fc.json({ maxDepth: 3 }).map((value) => request(path, text(value))),
    // Deep, wide and long.
    fc
      .record({ depth: fc.integer({ min: 1, max: 20_000 }), open: fc.constantFrom('[', '{"a":') })
      .map(({ depth, open }) => request(path, withField(body, lists[0], open.repeat(depth)))),
    fc
      .record({ depth: fc.integer({ min: 4, max: 20_000 }), field: list })
      .map(({ depth, field }) => request(path, withField(body, field, '['.repeat(depth) + ']'.repeat(depth)))),
    fc.record({ value: wideList, field: list }).map(({ value, field }) => request(path, withField(body, field, value))),
    // Broken UTF-8 inside a sound request.
    fc
      .record({ at: fc.integer({ min: 10, max: 30 }), byte: fc.constantFrom(0xff, 0xc0, 0x80, 0xf8) })
      .map(({ at, byte }) => request(path, Uint8Array.from([...whole.slice(0, at), byte, ...whole.slice(at)]))),
    // Other types, encodings and charsets than are taken.
    fc
      .constantFrom<[string, string][]>(
        [['content-type', 'text/plain']],
        [['content-type', 'application/json; charset=latin1']],
        [['content-type', 'multipart/form-data']],
        [],
        [json, ['content-encoding', 'gzip']],
        [json, ['content-encoding', 'br, gzip']],
        [['content-type', 'x'.repeat(3000)]],
      )
      .map((headers) => request(path, whole, headers)),
  )
}
