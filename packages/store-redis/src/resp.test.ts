import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createDecoder, encode, ReplyError, type Reply, type Sink } from './resp.ts'

type Plain = string | number | null | Uint8Array | { error: string } | Plain[]

/** A reply as servers write it. */
function written(reply: Plain): Buffer {
  if (typeof reply === 'string') return Buffer.from(`+${reply}\r\n`)
  if (typeof reply === 'number') return Buffer.from(`:${reply}\r\n`)
  if (reply === null) return Buffer.from('$-1\r\n')
  if (reply instanceof Uint8Array)
    return Buffer.concat([Buffer.from(`$${reply.length}\r\n`), reply, Buffer.from('\r\n')])
  if (Array.isArray(reply)) return Buffer.concat([Buffer.from(`*${reply.length}\r\n`), ...reply.map(written)])
  return Buffer.from(`-${reply.error}\r\n`)
}

function plain(reply: Reply): Plain {
  if (reply instanceof ReplyError) return { error: reply.message }
  if (Buffer.isBuffer(reply)) return new Uint8Array(reply)
  return Array.isArray(reply) ? reply.map(plain) : (reply as string | number | null)
}

/** Feeds bytes in pieces of these sizes, over and over, each in a buffer that is used again. */
function feed(bytes: Uint8Array, sizes: readonly number[], take: (piece: Buffer) => void): void {
  const reused = Buffer.alloc(Math.max(...sizes))
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const piece = bytes.subarray(at, at + sizes[i % sizes.length]!)
    reused.fill(0xee).set(piece)
    take(reused.subarray(0, piece.length))
    at += piece.length
  }
}

const line = fc.stringMatching(/^[ -~]{0,20}$/)
const { reply: replies } = fc.letrec<{ reply: Plain }>((tie) => ({
  reply: fc.oneof(
    { maxDepth: 3 },
    line,
    fc.maxSafeInteger(),
    fc.constant(null),
    fc.uint8Array({ maxLength: 200 }),
    line.map((error) => ({ error })),
    fc.array(tie('reply'), { maxLength: 6 }),
  ),
}))
const pieces = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 10 })

describe('replies', () => {
  test('are read as they were written, however they arrive', () => {
    fc.assert(
      fc.property(fc.array(replies, { maxLength: 8 }), pieces, (expected, sizes) => {
        const found: Reply[] = []
        const take = createDecoder((reply) => found.push(reply), () => undefined) // prettier-ignore
        feed(Buffer.concat(expected.map(written)), sizes, take)
        expect(found.map(plain)).toEqual(expected)
      }),
    )
  })

  test('of a list go where the sink says, others and those it has no place for do not', () => {
    const rows = fc.array(fc.option(fc.uint8Array({ minLength: 4, maxLength: 4 })), { minLength: 1, maxLength: 20 })
    fc.assert(
      fc.property(rows, pieces, (expected, sizes) => {
        const into = new Uint8Array(4 * expected.length)
        const sink: Sink = {
          place: (index, length) => (length === 4 ? into.subarray(4 * index, 4 * index + 4) : undefined),
          closed: false,
        }
        const found: Reply[] = []
        const take = createDecoder((reply) => found.push(reply), () => sink) // prettier-ignore
        feed(Buffer.concat([written([...expected, Buffer.from('longer')]), written(Buffer.from('four'))]), sizes, take)
        expect(found.map(plain)).toEqual([
          [...expected.map((row) => row && 4), new Uint8Array(Buffer.from('longer'))],
          new Uint8Array(Buffer.from('four')),
        ])
        expected.forEach((row, i) => expect(into.subarray(4 * i, 4 * i + 4)).toEqual(row ?? new Uint8Array(4)))
      }),
    )
  })

  test('go nowhere once the sink is closed, and what follows them is read still', () => {
    const into = new Uint8Array(100)
    let closed = false
    const found: Reply[] = []
    const sink: Sink = {
      place: () => into,
      get closed() {
        return closed
      },
    }
    const take = createDecoder((reply) => found.push(reply), () => sink) // prettier-ignore
    const bytes = Buffer.concat([written([new Uint8Array(100).fill(1)]), written('OK')])
    take(bytes.subarray(0, 50))
    closed = true
    take(bytes.subarray(50))
    expect(found).toEqual([[100], 'OK'])
    expect(into.subarray(50).every((byte) => byte === 0)).toBe(true)
  })

  test.each([
    'HTTP/1.1 400 Bad Request\r\n',
    ':one\r\n',
    '$x\r\n',
    '*-5\r\n',
    '$3\r\nabcd\r\n',
    '\r\n',
    'x'.repeat(70_000),
  ])('are told from other bytes: %j', (text) => {
    const take = createDecoder(() => undefined, () => undefined) // prettier-ignore
    expect(() => take(Buffer.from(text))).toThrow('does not speak the protocol')
  })
})

test('commands are written as servers read them: lists of bytes', () => {
  const argument = fc.oneof(fc.string({ unit: 'grapheme', maxLength: 20 }), fc.uint8Array({ maxLength: 50 }))
  const commands = fc.array(fc.array(argument, { minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 5 })
  fc.assert(
    fc.property(commands, fc.integer({ min: 0, max: 100 }), (expected, spare) => {
      const bytes = encode(expected, (size) => Buffer.alloc(size + spare))
      const found: Reply[] = []
      createDecoder((reply) => found.push(reply), () => undefined)(bytes) // prettier-ignore
      expect(found).toEqual(expected.map((command) => command.map((part) => Buffer.from(part as string))))
    }),
  )
})
