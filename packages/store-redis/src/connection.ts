import { connect as connectPlain, isIP, type OnReadOpts, type Socket } from 'node:net'
import { connect as connectSecure, TLSSocket, type ConnectionOptions } from 'node:tls'
import { createDecoder, encode, ReplyError, type Command, type Reply, type Sink } from './resp.ts'
import type { Address } from './url.ts'

export interface ConnectionSettings {
  readonly tls: ConnectionOptions | boolean
  readonly username: string | undefined
  readonly password: string | undefined
  readonly database: number
  /** Milliseconds without a byte in either direction, while replies are awaited, after which it counts as dead. */
  readonly silence: number
}

/** A connection to a server. Once it has failed it stays so: what is sent again has to be checked again first. */
export interface Connection {
  /** Sends commands in one go. The replies may be or hold errors. Rejects if the connection fails. */
  send(commands: readonly Command[], sink?: Sink): Promise<Reply[]>
  failed(): boolean
  end(): void
}

interface Awaited {
  readonly replies: Reply[]
  readonly count: number
  readonly sink: Sink | undefined
  readonly resolve: (replies: Reply[]) => void
  readonly reject: (error: Error) => void
}

const READ_BYTES = 2 ** 18

/** @throws whatever keeps it from connecting, a ReplyError for a wrong password */
export async function openConnection(address: Address, settings: ConnectionSettings): Promise<Connection> {
  const { silence, database, username, password } = settings
  const awaited: Awaited[] = []
  const buffers = bufferPool()
  let failure: Error | undefined
  let open = false

  const decode = createDecoder(
    (reply) => {
      const [next] = awaited
      if (next === undefined) throw new Error('it replied without having been asked')
      next.replies.push(reply)
      if (next.replies.length < next.count) return
      awaited.shift()
      next.resolve(next.replies)
    },
    () => awaited[0]?.sink,
  )
  const fail = (error: Error): void => {
    failure ??= error
    socket.destroy()
    for (const { reject } of awaited.splice(0)) reject(failure)
  }
  const onread: OnReadOpts = {
    buffer: Buffer.allocUnsafeSlow(READ_BYTES),
    callback(bytes, buffer) {
      try {
        decode((buffer as Buffer).subarray(0, bytes))
      } catch (error) {
        fail(error as Error)
      }
      return true
    },
  }

  const socket = connectSocket(address, settings.tls, onread)
  const connected = new Promise<void>((resolve, reject) => {
    socket.once(socket instanceof TLSSocket ? 'secureConnect' : 'connect', resolve)
    socket.once('close', () => reject(failure ?? new Error('the connection was closed')))
  })
  socket.setNoDelay(true)
  socket.setKeepAlive(true, 30_000)
  socket.setTimeout(silence)
  socket.on('timeout', () => {
    if (!open || awaited.length > 0) fail(new Error(`no answer for ${silence} ms`))
  })
  socket.on('error', fail)
  socket.on('close', () => fail(new Error('the connection was closed')))

  const send = (commands: readonly Command[], sink?: Sink): Promise<Reply[]> =>
    new Promise((resolve, reject) => {
      if (failure !== undefined) {
        reject(failure)
        return
      }
      const bytes = encode(commands, buffers.take)
      awaited.push({ replies: [], count: commands.length, sink, resolve, reject })
      socket.write(bytes, () => buffers.give(bytes))
    })

  await connected
  open = true
  const greeting: Command[] = []
  if (password !== undefined) greeting.push(['AUTH', ...(username === undefined ? [] : [username]), password])
  if (database !== 0) greeting.push(['SELECT', String(database)])
  const refused =
    greeting.length === 0 ? undefined : (await send(greeting)).find((reply) => reply instanceof ReplyError)
  if (refused !== undefined) {
    fail(refused as ReplyError)
    throw refused
  }
  return {
    send,
    failed: () => failure !== undefined,
    end: () => fail(new Error('the connection was ended')),
  }
}

function connectSocket(address: Address, tls: ConnectionOptions | boolean, onread: OnReadOpts): Socket {
  if ('path' in address) return connectPlain({ path: address.path, onread })
  if (tls === false) return connectPlain({ ...address, onread })
  const name = isIP(address.host) === 0 ? { servername: address.host } : {}
  const given = typeof tls === 'object' ? tls : {}
  // Taken as `net.connect` takes it, which its types leave out.
  const reading = { onread } as object
  return connectSecure({ host: address.host, port: address.port, ...name, ...given, ...reading })
}

const KEPT = 8
const KEPT_BYTES = 2 ** 20 + 2 ** 17
const SMALL_BYTES = 2 ** 16

/** Buffers for long requests. Made anew for each they would cost as much as the sending, and the collector as much again. */
function bufferPool() {
  const free: Buffer[] = []
  return {
    take(bytes: number): Buffer {
      if (bytes <= SMALL_BYTES || bytes > KEPT_BYTES) return Buffer.allocUnsafeSlow(bytes)
      return free.pop() ?? Buffer.allocUnsafeSlow(KEPT_BYTES)
    },
    give({ buffer }: Buffer): void {
      if (buffer.byteLength === KEPT_BYTES && free.length < KEPT) free.push(Buffer.from(buffer))
    },
  }
}
