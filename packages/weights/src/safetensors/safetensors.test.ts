import { readFileSync } from 'node:fs'
import { StemkitError } from '@stemkit/spec/errors'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DTYPE_BYTES, type Dtype } from '../dtype.ts'
import type { Tensor } from '../tensor.ts'
import { oracleFolder } from '../testing/folders.ts'
import { toFloat32 } from '../values.ts'
import { parseSafetensors } from './parse.ts'
import { serializeSafetensors } from './serialize.ts'

const text = new TextEncoder()

/** A file of any header and any number of data bytes. */
const fileOf = (header: unknown, dataBytes = 0): Uint8Array => {
  const json = text.encode(typeof header === 'string' ? header : JSON.stringify(header))
  const file = new Uint8Array(8 + json.byteLength + dataBytes)
  new DataView(file.buffer).setBigUint64(0, BigInt(json.byteLength), true)
  file.set(json, 8)
  return file
}

const dtype = fc.constantFrom(...(Object.keys(DTYPE_BYTES) as Dtype[]))
const unsafe = ['__metadata__', '__proto__', 'constructor', 'prototype']
const name = fc.string({ unit: 'grapheme', maxLength: 12 }).filter((n) => !unsafe.includes(n))
const tensor: fc.Arbitrary<Tensor> = fc
  .record({ dtype, shape: fc.array(fc.nat({ max: 4 }), { maxLength: 4 }) })
  .chain((info) => {
    const length = info.shape.reduce((product, size) => product * size, DTYPE_BYTES[info.dtype])
    return fc.uint8Array({ minLength: length, maxLength: length }).map((data) => ({ ...info, data }))
  })
const tensors = fc.array(fc.tuple(name, tensor), { maxLength: 6 }).map((entries) => new Map(entries))
const metadata = fc.dictionary(name, fc.string(), { maxKeys: 3, noNullPrototype: true })

describe('files that others wrote', () => {
  test.each(['dense', 'stem-half', 'hash-moe', 'gqa-stem'])('%s: written again, it is the same file', (folder) => {
    const bytes = new Uint8Array(readFileSync(`${oracleFolder(folder)}/weights.safetensors`))
    const { tensors: found, metadata: none } = parseSafetensors(bytes)
    expect(none).toEqual({})
    expect(toFloat32(found.get('model.norm.weight')!).every((gain) => gain > 0.2 && gain < 3)).toBe(true)
    expect(Buffer.compare(serializeSafetensors(found), bytes)).toBe(0)
  })

  test('metadata, an empty file, scalars and empty tensors', () => {
    expect(parseSafetensors(fileOf({})).tensors.size).toBe(0)
    const file = fileOf(
      {
        __metadata__: { format: 'pt' },
        none: { dtype: 'F32', shape: [0, 7], data_offsets: [0, 0] },
        one: { dtype: 'I8', shape: [], data_offsets: [0, 1] },
      },
      1,
    )
    const read = parseSafetensors(file)
    expect(read.metadata).toEqual({ format: 'pt' })
    expect(Array.from(read.tensors, ([key, { shape, data }]) => [key, shape, data.byteLength])).toEqual([
      ['none', [0, 7], 0],
      ['one', [], 1],
    ])
  })

  test('tensors are views of the file', () => {
    const file = serializeSafetensors(new Map([['a', { dtype: 'U8', shape: [2], data: Uint8Array.of(1, 2) }]]))
    expect(parseSafetensors(file).tensors.get('a')!.data.buffer).toBe(file.buffer)
  })
})

describe('files that we write', () => {
  test('are read back as they were, do not depend on the order, and are aligned', () => {
    fc.assert(
      fc.property(tensors, metadata, (given, notes) => {
        const file = serializeSafetensors(given, notes)
        const back = parseSafetensors(file)
        expect(new Map(back.tensors)).toEqual(given)
        expect(back.metadata).toEqual(notes)
        const shuffled = serializeSafetensors(
          new Map([...given].toReversed()),
          Object.fromEntries(Object.entries(notes).toReversed()),
        )
        expect(Buffer.compare(shuffled, file)).toBe(0)
        for (const { data, dtype: kind } of back.tensors.values()) {
          if (data.byteLength > 0) expect(data.byteOffset % DTYPE_BYTES[kind]).toBe(0)
        }
      }),
    )
  })

  test('have sorted names after the metadata, in a header of whole eights', () => {
    const one: Tensor = { dtype: 'U8', shape: [1], data: Uint8Array.of(1) }
    const file = serializeSafetensors(
      new Map([
        ['b', one],
        ['a', one],
      ]),
      { made: 'here' },
    )
    const length = Number(new DataView(file.buffer).getBigUint64(0, true))
    expect(length % 8).toBe(0)
    expect(new TextDecoder().decode(file.subarray(8, 8 + length)).trimEnd()).toBe(
      '{"__metadata__":{"made":"here"},' +
        '"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}',
    )
  })

  test.each([
    [
      'bytes that do not fill the shape',
      { dtype: 'F32', shape: [2], data: new Uint8Array(7) },
      'has 7 bytes, but F32 [2] needs 8',
    ],
    ['a negative size', { dtype: 'F32', shape: [-1], data: new Uint8Array(0) }, 'its shape is [-1]'],
    ['a dtype that is none', { dtype: 'F8', shape: [], data: new Uint8Array(1) }, 'its dtype is F8'],
  ])('refuses %s', (_, wrong, message) => {
    expect(() => serializeSafetensors(new Map([['x', wrong as Tensor]]))).toThrow(message)
  })

  test.each(unsafe)('refuses the name %s', (wrong) => {
    const one: Tensor = { dtype: 'U8', shape: [1], data: Uint8Array.of(1) }
    expect(() => serializeSafetensors(new Map([[wrong, one]]))).toThrow('its name is not allowed')
  })
})

describe('files that lie', () => {
  const f32 = (begin: number, end: number, shape: unknown = [(end - begin) / 4]) => ({
    dtype: 'F32',
    shape,
    data_offsets: [begin, end],
  })
  const huge = fileOf({})
  new DataView(huge.buffer).setBigUint64(0, 2n ** 63n, true)
  const overLimit = fileOf({})
  new DataView(overLimit.buffer).setBigUint64(0, 1000n, true)

  test.each([
    ['nothing', new Uint8Array(0), 'it has 0 bytes, too few to be one'],
    ['seven bytes', new Uint8Array(7), 'it has 7 bytes, too few to be one'],
    ['a header of 2^63 bytes', huge, 'more than the limit of 100000000'],
    ['a header longer than the file', overLimit, 'claims 1000 bytes, but only 2 follow; is the file truncated?'],
    ['no JSON', fileOf('{"a":'), 'its header is not valid JSON'],
    ['no object', fileOf([]), 'its header is not a JSON object'],
    ['a byte order mark', fileOf('\uFEFF{}'), 'its header is not valid JSON'],
    [
      'no UTF-8',
      (() => {
        const file = fileOf('"x"')
        file[9] = 0xff
        return file
      })(),
      'its header is not valid UTF-8',
    ],
    ['deep nesting', fileOf('['.repeat(100_000)), 'its header is nested deeper than 3 levels'],
    [
      'nothing but brackets',
      fileOf(`{"a":[${'[],'.repeat(10_000)}[]]}`),
      'its header has more than 3767 lists and objects in 30010 characters',
    ],
    ['a tensor that is a list', fileOf({ a: [] }), 'tensor "a" is not described by an object'],
    ['no dtype', fileOf({ a: { shape: [], data_offsets: [0, 0] } }), 'tensor "a" has no dtype'],
    [
      'a dtype from elsewhere',
      fileOf({ a: { ...f32(0, 4), dtype: 'F8_E4M3' } }, 4),
      'tensor "a" has dtype "F8_E4M3", which cannot be read',
    ],
    ['a dtype of objects', fileOf({ a: { ...f32(0, 4), dtype: 'toString' } }, 4), 'tensor "a" has dtype "toString"'],
    ['a negative size', fileOf({ a: f32(0, 4, [-1]) }, 4), 'the shape of tensor "a" is not a list of whole numbers'],
    [
      'a size of minus zero',
      fileOf('{"a":{"dtype":"F32","shape":[-0],"data_offsets":[0,0]}}'),
      'the shape of tensor "a"',
    ],
    ['half a size', fileOf({ a: f32(0, 4, [0.5]) }, 4), 'the shape of tensor "a" is not a list of whole numbers'],
    ['a shape of text', fileOf({ a: f32(0, 4, ['1']) }, 4), 'the shape of tensor "a" is not a list of whole numbers'],
    ['a shape beyond counting', fileOf({ a: f32(0, 4, [2 ** 50, 2 ** 50]) }, 4), 'tensor "a" of F32'],
    [
      'a shape of another size',
      fileOf({ a: f32(0, 4, [2]) }, 4),
      'tensor "a" of F32 [2] needs 8 bytes, but its offsets 0 to 4 hold 4',
    ],
    ['negative offsets', fileOf({ a: f32(-4, 0) }, 4), 'the data_offsets of tensor "a" are not two whole numbers'],
    [
      'fractional offsets',
      fileOf({ a: f32(0.5, 4.5, [1]) }, 8),
      'the data_offsets of tensor "a" are not two whole numbers',
    ],
    [
      'offsets beyond counting',
      fileOf('{"a":{"dtype":"U8","shape":[1],"data_offsets":[1e300,1e300]}}'),
      'the data_offsets of tensor "a"',
    ],
    [
      'one offset',
      fileOf({ a: { ...f32(0, 4), data_offsets: [0] } }, 4),
      'the data_offsets of tensor "a" are not two whole numbers',
    ],
    ['offsets the wrong way round', fileOf({ a: f32(4, 0, [1]) }, 4), 'hold -4'],
    ['overlapping tensors', fileOf({ a: f32(0, 8), b: f32(4, 12) }, 12), 'tensor "b" overlaps tensor "a"'],
    ['a gap', fileOf({ a: f32(0, 4), b: f32(8, 12) }, 12), 'there is a gap of 4 bytes before tensor "b"'],
    ['a gap at the start', fileOf({ a: f32(4, 8) }, 8), 'there is a gap of 4 bytes before tensor "a"'],
    [
      'too few data',
      fileOf({ a: f32(0, 8) }, 4),
      'tensor "a" ends 4 bytes after the end of the file; is the file truncated?',
    ],
    ['too many data', fileOf({ a: f32(0, 4) }, 8), '4 bytes follow its last tensor'],
    [
      'a name twice',
      fileOf('{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"\\u0061":{}}'),
      'its header has "a" twice',
    ],
    [
      'offsets twice',
      fileOf('{"a":{"dtype":"U8","data_offsets":[0,0],"shape":[0],"data_offsets":[0,0]}}'),
      'has "data_offsets" twice',
    ],
    [
      'a prototype',
      fileOf('{"__proto__":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}'),
      'has the name "__proto__", which is not allowed',
    ],
    ['a prototype in disguise', fileOf('{"\\u005f_proto__":{}}'), 'has the name "__proto__", which is not allowed'],
    [
      'metadata that is no text',
      fileOf({ __metadata__: { a: 1 } }),
      'its __metadata__ is not a map of strings to strings',
    ],
    ['metadata that is a list', fileOf({ __metadata__: [] }), 'its __metadata__ is not a map of strings to strings'],
  ])('%s', (_, file, message) => {
    expect(() => parseSafetensors(file)).toThrow(message)
    try {
      parseSafetensors(file)
    } catch (error) {
      expect(StemkitError.isInstance(error)).toBe(true)
      expect((error as Error).message).not.toContain('\n')
    }
  })

  test('a limit on the header that is lower', () => {
    expect(() => parseSafetensors(fileOf({ a: f32(0, 4) }, 4), { maxHeaderBytes: 10 })).toThrow(
      'more than the limit of 10',
    )
  })

  const survives = (file: Uint8Array): void => {
    try {
      const { tensors: found } = parseSafetensors(file)
      for (const { data } of found.values()) expect(data.buffer).toBe(file.buffer)
    } catch (error) {
      expect(StemkitError.isInstance(error), String(error)).toBe(true)
      expect((error as Error).message.length).toBeLessThan(500)
    }
  }

  test('bytes changed, cut off or added anywhere: read as views, or refused in one line', () => {
    const change = fc.record({ at: fc.nat(), byte: fc.nat({ max: 255 }) })
    fc.assert(
      fc.property(
        tensors,
        fc.array(change, { maxLength: 4 }),
        fc.integer({ min: -40, max: 8 }),
        (given, changes, longer) => {
          const file = serializeSafetensors(given)
          const mutated = new Uint8Array(Math.max(0, file.byteLength + longer))
          mutated.set(file.subarray(0, mutated.byteLength))
          for (const { at, byte } of changes) if (mutated.byteLength > 0) mutated[at % mutated.byteLength] = byte
          survives(mutated)
        },
      ),
      { numRuns: 1000 },
    )
  })

  test('any JSON for a header: read as views, or refused in one line', () => {
    const number = fc.oneof(fc.nat({ max: 16 }), fc.integer(), fc.double(), fc.constantFrom(2 ** 53, -0, 1e308))
    const entry = fc.record(
      {
        dtype: fc.oneof(dtype, fc.string()),
        shape: fc.oneof(fc.array(number, { maxLength: 3 }), fc.jsonValue()),
        data_offsets: fc.oneof(fc.array(number, { maxLength: 3 }), fc.jsonValue()),
      },
      { requiredKeys: [] },
    )
    const header = fc.dictionary(fc.oneof(name, fc.constantFrom(...unsafe)), fc.oneof(entry, fc.jsonValue()))
    fc.assert(
      fc.property(fc.oneof(header, fc.jsonValue()), fc.nat({ max: 64 }), (json, dataBytes) =>
        survives(fileOf(json, dataBytes)),
      ),
      { numRuns: 1000 },
    )
  })
})
