import { openConnection, type Connection, type ConnectionSettings } from './connection.ts'
import { ReplyError, type Command, type Reply, type Sink } from './resp.ts'
import { nameOf, type Address } from './url.ts'

/** One server, with a connection that is made when it is needed. */
export interface Server {
  readonly name: string
  readonly address: Address
  /**
   * Sends commands in one go, over one connection, and resolves to their replies.
   * @throws ServerFailure if the connection fails, or else the first error among the replies and inside them
   */
  send(commands: readonly Command[], sink?: Sink): Promise<Reply[]>
  /** Ends the connection; commands under way fail. The next one connects again. */
  hangUp(): void
}

/** What a server said instead of a reply, or why it could not be asked. */
export class ServerFailure extends Error {
  override readonly name = 'ServerFailure'
  readonly server: string
  /** The first word of an error reply ('MOVED', 'OOM'), or undefined if the connection failed. */
  readonly code: string | undefined

  constructor(server: string, error: unknown) {
    super(firstLine(error), { cause: error })
    this.server = server
    this.code = error instanceof ReplyError ? /^[A-Z]+/.exec(error.message)?.[0] : undefined
  }
}

export function openServer(address: Address, settings: ConnectionSettings): Server {
  const name = nameOf(address)
  let connecting: Promise<Connection> | undefined
  let connection: Connection | undefined

  const connect = async (): Promise<Connection> => {
    const mine = (connecting ??= openConnection(address, settings))
    try {
      const opened = await mine
      if (connecting === mine) connection = opened
      return opened
    } finally {
      if (connecting === mine) connecting = undefined
    }
  }

  return {
    name,
    address,
    async send(commands, sink) {
      let replies: Reply[]
      try {
        const open = connection === undefined || connection.failed() ? await connect() : connection
        replies = await open.send(commands, sink)
      } catch (error) {
        throw new ServerFailure(name, error)
      }
      const error = replies.flat().find((reply) => reply instanceof ReplyError)
      if (error !== undefined) throw new ServerFailure(name, error)
      return replies
    },
    hangUp() {
      connecting?.then(
        (late) => late.end(),
        () => undefined,
      )
      connection?.end()
      connecting = connection = undefined
    },
  }
}

/** Messages of connection errors may be empty with the reasons in a list (a host with several addresses), or long. */
function firstLine(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return firstLine(error.errors[0])
  const text = error instanceof Error ? error.message || error.name : String(error)
  return text.split(/\r?\n| script: /)[0]!.trim()
}
