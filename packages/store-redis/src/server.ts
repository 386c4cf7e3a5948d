import { createClient, ErrorReply, RESP_TYPES } from '@redis/client'
import type { ConnectionOptions } from 'node:tls'
import { nameOf, type Address } from './url.ts'

export type Command = readonly (string | Buffer)[]
export type Reply = string | number | Buffer | null | readonly Reply[]

/** One server, with a connection that is made when it is needed. */
export interface Server {
  readonly name: string
  readonly address: Address
  /**
   * Sends commands in one go, over one connection, and resolves to their replies.
   * @throws ServerFailure if the connection fails, or else the first error among the replies and inside them
   */
  send(commands: readonly Command[]): Promise<Reply[]>
  /** Ends the connection; commands under way fail. The next one connects again. */
  hangUp(): void
}

export interface ServerOptions {
  readonly tls: ConnectionOptions | boolean
  readonly username: string | undefined
  readonly password: string | undefined
  readonly database: number
  /** Milliseconds without a byte in either direction after which a connection counts as dead. */
  readonly silence: number
}

/** What a server said instead of a reply, or why it could not be asked. */
export class ServerFailure extends Error {
  readonly server: string
  /** The first word of an error reply ('MOVED', 'OOM'), or undefined if the connection failed. */
  readonly code: string | undefined

  constructor(server: string, error: unknown) {
    super(firstLine(error), { cause: error })
    this.name = 'ServerFailure'
    this.server = server
    this.code = error instanceof ErrorReply ? /^[A-Z]+/.exec(error.message)?.[0] : undefined
  }
}

export function openServer(address: Address, options: ServerOptions): Server {
  const name = nameOf(address)
  let connection: Promise<Connection> | undefined

  return {
    name,
    address,
    async send(commands) {
      const mine = (connection ??= connect(address, options))
      const forget = (): void => {
        if (connection === mine) connection = undefined
      }
      let open: Connection
      try {
        open = await mine
      } catch (error) {
        forget()
        throw new ServerFailure(name, error)
      }
      // Never reconnected behind our back: what is sent again has to be checked again first.
      const settled = await Promise.allSettled(commands.map((command) => open.send(command)))
      if (open.failed()) forget()
      for (const result of settled) {
        const error = result.status === 'rejected' ? result.reason : errorWithin(result.value)
        if (error === undefined) continue
        throw new ServerFailure(name, error instanceof ErrorReply ? error : (open.failed() ?? error))
      }
      return settled.map((result) => (result as PromiseFulfilledResult<Reply>).value)
    },
    hangUp() {
      connection?.then(
        (open) => open.end(),
        () => undefined,
      )
      connection = undefined
    },
  }
}

interface Connection {
  send(command: Command): Promise<Reply>
  /** Why it can be used no more. */
  failed(): Error | undefined
  end(): void
}

async function connect(address: Address, options: ServerOptions): Promise<Connection> {
  const { tls, silence, username, password, database } = options
  const socket = {
    ...('path' in address ? address : { ...address, ...(tls === false ? {} : { ...secure(tls), tls: true as const }) }),
    connectTimeout: silence,
    socketTimeout: silence,
    reconnectStrategy: false as const,
  }
  const client = createClient({
    RESP: 2,
    socket,
    database,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    disableClientInfo: true,
    disableOfflineQueue: true,
    maintNotifications: 'disabled',
    commandOptions: { timeout: 0, typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } },
  })
  let failure: Error | undefined
  client.on('error', (error: Error) => {
    failure ??= error
    client.destroy()
  })
  try {
    await client.connect()
  } catch (error) {
    client.destroy()
    throw failure ?? error
  }
  return {
    send: (command) => client.sendCommand(command as (string | Buffer)[]) as Promise<Reply>,
    failed: () => failure ?? (client.isReady ? undefined : new Error('the connection was closed')),
    end: () => client.destroy(),
  }
}

const secure = (tls: ConnectionOptions | boolean): ConnectionOptions => (typeof tls === 'object' ? tls : {})

function errorWithin(reply: Reply): ErrorReply | undefined {
  if (!Array.isArray(reply)) return undefined
  return (reply as readonly unknown[]).find((part) => part instanceof ErrorReply)
}

/** Messages of connection errors may be empty with the reasons in a list (a host with several addresses), or long. */
function firstLine(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return firstLine(error.errors[0])
  const text = error instanceof Error ? error.message || error.name : String(error)
  return text.split(/\r?\n| script: /)[0]!.trim()
}
