/** A command and its arguments. */
export type Command = readonly (string | Uint8Array)[]

/** What a server replies: a line of text, a number, bytes, nothing, or a list of these. */
export type Reply = string | number | Buffer | null | ReplyError | readonly Reply[]

/** An error that a server replied. */
export class ReplyError extends Error {
  override readonly name = 'ReplyError'
}

/** Where the bytes of a reply go, if not into memory of their own: those of the items of a list, read in place. */
export interface Sink {
  /** Where item `index`, of `length` bytes, goes; undefined for memory of its own. Its reply is then the number of bytes. */
  place(index: number, length: number): Uint8Array | undefined
  /** Once true, nothing is written to what `place` returned any more. */
  readonly closed: boolean
}

const LONGEST_LINE = 2 ** 16
const CARRIAGE_RETURN = 13
const LINE_FEED = 10

/**
 * The bytes of commands, in one piece that owns them (RESP2).
 * @param allocate gives a buffer of at least so many bytes
 */
export function encode(commands: readonly Command[], allocate: (bytes: number) => Buffer): Buffer {
  const pieces: (string | Uint8Array)[] = []
  let text = ''
  for (const command of commands) {
    text += `*${command.length}\r\n`
    for (const argument of command) {
      if (typeof argument === 'string') text += `$${Buffer.byteLength(argument)}\r\n${argument}\r\n`
      else {
        pieces.push(`${text}$${argument.length}\r\n`, argument)
        text = '\r\n'
      }
    }
  }
  pieces.push(text)
  const bytes = pieces.reduce(
    (sum, piece) => sum + (typeof piece === 'string' ? Buffer.byteLength(piece) : piece.length),
    0,
  )
  const into = allocate(bytes)
  let at = 0
  for (const piece of pieces) {
    if (typeof piece === 'string') at += into.write(piece, at)
    else {
      into.set(piece, at)
      at += piece.length
    }
  }
  return into.subarray(0, bytes)
}

interface OpenList {
  readonly items: Reply[]
  readonly length: number
}

interface OpenBulk {
  readonly length: number
  /** Undefined: the bytes are dropped. */
  readonly into: Uint8Array | undefined
  readonly sink: Sink | undefined
  filled: number
}

/**
 * Reads replies from bytes as they come, in pieces of any size.
 * @param sinkOf the sink of the reply that is being read
 * @returns what takes the next piece, which it does not keep. It throws if that cannot be a reply.
 */
export function createDecoder(
  onReply: (reply: Reply) => void,
  sinkOf: () => Sink | undefined,
): (piece: Buffer) => void {
  const lists: OpenList[] = []
  let line = ''
  let bulk: OpenBulk | undefined
  /** Bytes left of the line break after a bulk. */
  let breakLeft = 0

  const finish = (value: Reply): void => {
    let reply = value
    for (let list = lists.at(-1); list !== undefined; list = lists.at(-1)) {
      list.items.push(reply)
      if (list.items.length < list.length) return
      lists.pop()
      reply = list.items
    }
    onReply(reply)
  }

  const beginBulk = (length: number): void => {
    const [list] = lists
    const sink = lists.length === 1 ? sinkOf() : undefined
    const into = sink?.place(list!.items.length, length)
    bulk = { length, into: into ?? Buffer.allocUnsafeSlow(length), sink: into && sink, filled: 0 }
    breakLeft = 2
  }

  const takeLine = (text: string): void => {
    const rest = text.slice(1)
    if (text[0] === '+') finish(rest)
    else if (text[0] === '-') finish(new ReplyError(rest))
    else if (text[0] === ':' && /^-?\d+$/.test(rest)) finish(Number(rest))
    else if ((text[0] === '$' || text[0] === '*') && rest === '-1') finish(null)
    else if (text[0] === '$' && /^\d+$/.test(rest)) beginBulk(Number(rest))
    else if (text === '*0') finish([])
    else if (text[0] === '*' && /^\d+$/.test(rest)) lists.push({ items: [], length: Number(rest) })
    else throw notRedis(text)
  }

  const takeBulk = (open: OpenBulk, piece: Buffer, from: number): number => {
    const bytes = Math.min(open.length - open.filled, piece.length - from)
    if (open.sink?.closed !== true) open.into!.set(piece.subarray(from, from + bytes), open.filled)
    open.filled += bytes
    return bytes
  }

  return (piece) => {
    let at = 0
    while (at < piece.length) {
      if (bulk !== undefined && bulk.filled < bulk.length) {
        at += takeBulk(bulk, piece, at)
        continue
      }
      if (bulk !== undefined) {
        const expected = breakLeft === 2 ? CARRIAGE_RETURN : LINE_FEED
        if (piece[at++] !== expected) throw notRedis('bytes without an end')
        if (--breakLeft > 0) continue
        const { into, sink, length } = bulk
        bulk = undefined
        finish(sink === undefined ? (into as Buffer) : length)
        continue
      }
      const end = piece.indexOf(LINE_FEED, at)
      line += piece.toString('latin1', at, end < 0 ? piece.length : end)
      if (line.length > LONGEST_LINE) throw notRedis(line)
      if (end < 0) return
      at = end + 1
      const whole = line.endsWith('\r') ? line.slice(0, -1) : line
      line = ''
      takeLine(whole)
    }
  }
}

const notRedis = (said: string): Error =>
  new Error(`it does not speak the protocol of Redis, it said ${JSON.stringify(said.slice(0, 40))}`)
